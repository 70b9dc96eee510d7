"""An earlier champion is brought back: on this machine by processes, on a cluster in memory."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core import audit
from components.core.errors import DeadlineExceeded, InputError
from components.ops.rollout.manual import rollback
from components.ops.targets.protocol import ChampionChanged
from tests.unit.ops.deploy.conftest import Serving, predict, record_of, versions_running
from tests.unit.ops.deploy.kserve_factories import WAYS, Killed, Toy, toy
from tests.unit.ops.deploy.serving_factories import AS_OF, MODEL


@pytest.fixture(params=WAYS)
def kserve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, "blue_green") as made:
        yield made


def command(serving: Serving, *words: str) -> tuple[str, str]:
    module = ("-m", "components.ops.rollout.manual", serving.uri, MODEL)
    done = subprocess.run([sys.executable, *module, *words], capture_output=True, text=True)
    return done.stdout, done.stderr


def test_a_person_goes_back_by_the_command(serving: Serving) -> None:
    for version in ("v1", "v2"):
        serving.promote(version)
    serving.stage("v3")
    log = f"{serving.tmp}/log-audit"

    listed, _ = command(serving, "--list")
    assert listed == f"serves now: v2\nv1  trained for {AS_OF} by run run-1\n"
    told, trouble = command(serving, "--audit", log, "--reason", "it answers nonsense")

    assert told == (
        "version v3: rolled_back, its rollout was under way\nversion v1: reinstated instead of v2\n"
    ), trouble
    assert predict(serving).headers["x-ratoon-version"] == "v1"
    assert versions_running(serving) == ["gateway", "v1"]
    assert [one.version for one in record_of(serving).previous] == ["v2"]
    entries = {(e.step, e.version, e.decision): e for e in audit.entries(log)}
    assert set(entries) == {("rollback", "v1", "reinstated"), ("approve", "v3", "rolled_back")}
    entry = entries["rollback", "v1", "reinstated"]
    assert (entry.reason, entry.details) == ("it answers nonsense", {"replaced": "v2"})

    again, _ = command(serving, "--audit", log)
    assert again.startswith("version v1 serves already; nothing was changed.")
    assert len(audit.entries(log)) == 2
    forth, _ = command(serving, "v2")
    assert forth == "version v2: reinstated instead of v1\n"
    assert versions_running(serving) == ["gateway", "v2"]


def test_what_cannot_be_had_is_refused_and_nothing_is_changed(serving: Serving) -> None:
    _, trouble = command(serving)
    assert "there is none" in trouble
    for version in ("v1", "v2"):
        serving.promote(version)
    before = record_of(serving)
    _, trouble = command(serving, "v9")
    assert "an earlier version that is kept: v1" in trouble
    folder = serving.target.place.model_folder("v1")
    (folder / "behaviour.json").write_text("{ }")
    _, trouble = command(serving)
    assert "other bytes" in trouble
    shutil.rmtree(folder)
    _, trouble = command(serving)
    assert "a folder that is gone" in trouble
    assert "Traceback" not in trouble
    assert record_of(serving) == before
    assert versions_running(serving) == ["gateway", "v2"]


def test_an_earlier_version_gets_all_traffic_in_every_mode(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.promote("v2", min_replicas=2)
    kserve.stage("v3")
    kserve.world.history.clear()

    done = rollback(kserve.target, None, "v2 is bad")

    assert (done.decision, done.champion.version) == ("reinstated", "v1")
    assert done.ended is not None
    assert done.ended.version == "v3"
    kserve.world.reconcile()
    assert kserve.world.traffic == {"v1": 100}
    assert len(kserve.world.pods_of("v1")) == 2, "no fewer servers than before"
    assert all(sum(now.values()) == 100 for now in kserve.world.history), "never without a server"
    assert [one.version for one in kserve.record.previous] == ["v2"]
    assert kserve.published() == ["v1", "v2"]
    outcome = kserve.target.outcome("v1")
    assert outcome is not None
    assert (outcome.decision, outcome.reason) == ("reinstated", "v2 is bad")
    assert rollback(kserve.target, None, "again").decision == "serves already"
    assert rollback(kserve.target, "v2", "after all").decision == "reinstated"
    kserve.promote("v4")
    assert [one.version for one in kserve.target.previous_champions()] == ["v2", "v1"]


def test_one_that_was_killed_is_finished_when_it_is_run_again(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.promote("v2")
    kserve.keep()
    writes, was_killed = 0, True
    while was_killed:
        toy, was_killed = kserve.again(), False
        try:
            rollback(toy.killed_after(writes, done=True), None, "v2 is bad")
        except Killed:
            was_killed = True
        rollback(toy.target, None, "v2 is bad")
        toy.target.champion()
        assert toy.world.traffic == {"v1": 100}, writes
        assert [one.version for one in toy.record.previous] == ["v2"]
        assert toy.record.candidate is None
        writes += 1
    assert writes > 3


def test_one_that_does_not_start_leaves_what_serves(kserve: Toy) -> None:
    kserve.promote("v1", ready_timeout="1s")
    champion = kserve.promote("v2", ready_timeout="1s")
    kserve.world.broken = {"v1"}
    with pytest.raises(DeadlineExceeded, match="version v1 was not ready"):
        rollback(kserve.target, None, "v2 is bad", ready_timeout_s=0.1)
    assert kserve.target.champion() == champion
    assert kserve.world.traffic == {"v2": 100}
    assert kserve.target.staged() is None
    assert [one.version for one in kserve.target.previous_champions()] == ["v1"]
    assert kserve.published() == ["v1", "v2"], "it may be tried again"


def test_a_folder_of_the_store_is_compared_by_all_its_bytes(whole: Toy) -> None:
    whole.promote("v1")
    whole.promote("v2")
    before = whole.record
    folder = whole.store / MODEL / "v1"
    (folder / "behaviour.json").write_text("{ }")
    with pytest.raises(InputError, match="other bytes"):
        rollback(whole.target, "v1", "")
    (folder / "published.json").unlink()
    with pytest.raises(InputError, match="a folder that is gone"):
        rollback(whole.target, "v1", "")
    with pytest.raises(InputError, match="accepted: an earlier version that is kept: v1"):
        rollback(whole.target, "v0", "")
    assert whole.record == before


def test_another_champion_than_was_seen_stops_it(whole: Toy) -> None:
    seen = whole.promote("v1")
    whole.promote("v2")
    before = whole.record
    with pytest.raises(ChampionChanged):
        whole.target.stage_previous("v1", seen)
    assert whole.record == before
