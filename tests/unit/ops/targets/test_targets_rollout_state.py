"""The record of a serving folder: its changes, its lock, its addresses, and how it is damaged."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets import connect, read_champion, rollout_state
from components.ops.targets.local.record import LocalRecord, LocalVersion, RecordFile
from components.ops.targets.protocol import CandidateGone, ChampionChanged
from components.ops.targets.target_uri import LocalTargetUri, parse_local_uri

PLACE = LocalTargetUri(Path("build/toy/serving"))


def deployed(version: str, digest: str = "d") -> LocalVersion:
    return LocalVersion(version=version, digest=digest, run="r", as_of="2013-07-01", log="log")


def champion(version: str, digest: str = "d") -> Champion:
    uri = f"build/toy/serving/models/{version}"
    return Champion(version=version, uri=uri, digest=digest, run="r", as_of="2013-07-01")


BARE = LocalRecord(model="toy")
SERVING = LocalRecord(model="toy", champion=deployed("v1"))
UNDER_WAY = rollout_state.with_candidate(SERVING, deployed("v2"))


def test_a_candidate_is_staged_at_no_share() -> None:
    record = rollout_state.with_candidate(
        rollout_state.with_share(UNDER_WAY, "v2", 0.5), deployed("v3")
    )
    assert record.candidate == deployed("v3")
    assert record.share == 0
    assert record.draining == (deployed("v2"),)
    assert record.outcomes[0].version == "v2"
    assert record.outcomes[0].decision == "rolled_back"
    assert "v3" in record.outcomes[0].reason


def test_promotion_drains_the_old_champion_and_remembers_it() -> None:
    record = rollout_state.with_promotion(
        rollout_state.with_share(UNDER_WAY, "v2", 0.5), "v2", "good"
    )
    assert record.champion == deployed("v2")
    assert record.candidate is None
    assert record.share == 0
    assert record.draining == (deployed("v1"),)
    assert record.previous == (deployed("v1"),)
    assert record.outcomes[0].decision == "promoted"


def test_rolling_back_leaves_the_champion_and_can_be_done_again() -> None:
    record = rollout_state.without_candidate(UNDER_WAY, "v2", "bad")
    assert record.champion == deployed("v1")
    assert record.draining == (deployed("v2"),)
    assert rollout_state.without_candidate(record, "v2", "bad") == record
    assert rollout_state.without_candidate(UNDER_WAY, "v9", "bad") == UNDER_WAY


@pytest.mark.parametrize("record", [BARE, SERVING, UNDER_WAY])
def test_what_is_not_staged_cannot_be_shifted_or_promoted(record: LocalRecord) -> None:
    with pytest.raises(CandidateGone, match="v9"):
        rollout_state.with_share(record, "v9", 0.1)
    with pytest.raises(CandidateGone, match="v9"):
        rollout_state.with_promotion(record, "v9", "good")


@pytest.mark.parametrize(
    ("record", "expected", "accepted"),
    [
        (BARE, None, True),
        (BARE, champion("v1"), False),
        (SERVING, champion("v1"), True),
        (SERVING, None, False),
        (SERVING, champion("v0"), False),
        (SERVING, champion("v1", "other bytes"), False),
    ],
)
def test_the_champion_is_compared_by_version_and_bytes(
    record: LocalRecord, expected: Champion | None, accepted: bool
) -> None:
    serving = PLACE.as_champion(record.champion) if record.champion else None
    if accepted:
        rollout_state.check_champion(serving, expected)
    else:
        with pytest.raises(ChampionChanged):
            rollout_state.check_champion(serving, expected)


def test_a_candidate_is_found_again_by_version_and_bytes() -> None:
    assert rollout_state.is_known(UNDER_WAY, deployed("v2"))
    assert rollout_state.is_known(UNDER_WAY, deployed("v1"))
    assert not rollout_state.is_known(UNDER_WAY, deployed("v2", "other bytes"))
    with pytest.raises(InputError, match="other bytes"):
        rollout_state.is_known(SERVING, deployed("v1", "other bytes"))


def test_versions_in_use_and_the_last_three_champions_are_kept() -> None:
    earlier = tuple(deployed(version) for version in ("v0", "u9", "u8"))
    record = UNDER_WAY.model_copy(update={"previous": earlier})
    assert record.kept_versions == {"v2", "v1", "v0", "u9", "u8"}
    record = rollout_state.with_promotion(record, "v2", "good").model_copy(update={"draining": ()})
    assert record.kept_versions == {"v2", "v1", "v0", "u9"}


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    assert file.read() is None
    file.write(UNDER_WAY)
    assert file.read() == UNDER_WAY
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 2, "model": "toy"}', b"\xff\xfe"])
def test_a_damaged_record_is_said_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(InputError, match="ratoon serve stop"):
        read_champion(f"local://{tmp_path}", "toy")


def test_the_champion_is_read_without_changing_anything(tmp_path: Path) -> None:
    folder = tmp_path / "serving"
    assert read_champion(f"local://{folder}", "toy") is None
    assert not folder.exists()
    folder.mkdir()
    RecordFile(folder).write(UNDER_WAY)
    found = read_champion(f"local://{folder}", "toy")
    assert found is not None
    assert (found.version, found.uri) == ("v1", f"{folder}/models/v1")


def test_a_folder_serves_one_model(tmp_path: Path) -> None:
    RecordFile(tmp_path).write(SERVING)
    with pytest.raises(InputError, match="toy"):
        read_champion(f"local://{tmp_path}", "other")


@pytest.mark.parametrize(
    ("target", "target_uri"),
    [
        ("local://build/toy/serving", LocalTargetUri(Path("build/toy/serving"))),
        ("local:///srv/toy?port=9000", LocalTargetUri(Path("/srv/toy"), 9000)),
    ],
)
def test_addresses(target: str, target_uri: LocalTargetUri) -> None:
    assert parse_local_uri(target) == target_uri


@pytest.mark.parametrize(
    "target",
    [
        "ftp://ns",
        "kserve://Not_A_Label",
        "local://",
        "local://a?port=80",
        "local://a?port=",
        "local://a?prot=9000",
    ],
)
def test_an_address_that_is_not_known_is_refused(target: str) -> None:
    with pytest.raises(InputError, match=r"serving\.target"):
        connect(target, "toy")


_HOLDER = """
import sys, time
from pathlib import Path
from components.ops.targets.local.record import RecordFile
with RecordFile(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_the_lock_keeps_another_process_out_and_falls_with_its_holder(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path), "60"], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        other = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path), "0"])
        time.sleep(1.0)
        assert other.poll() is None
        holder.kill()
        assert other.wait(30) == 0
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
