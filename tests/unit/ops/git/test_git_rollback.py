"""A rollback is a revert of the commits of the rollout, or says why it is none."""

from pathlib import Path

import pytest
import yaml

from components.ops.targets.kserve.record import Strategy
from tests.unit.ops.git.repositories import FOLDER, Bare, git, serving
from tests.unit.ops.git.steps_of_rollouts import FILES, committed, roll_back, shift, stage, to


@pytest.mark.parametrize("strategy", [Strategy.BLUE_GREEN, Strategy.CANARY])
def test_a_rollback_is_the_revert_that_git_would_make(
    bare: Bare, tmp_path: Path, strategy: Strategy
) -> None:
    rollout_store = committed(bare)
    rollout_store.change(to(serving("v1")), "")
    before, start = bare.files(), bare.tip()
    rollout_store.change(stage("v2", strategy), "")
    bare.write({"apps/other/x": "1", "README.md": "changed"}, "of another model")
    rollout_store.change(shift("v2", 0.5), "")
    rollout = [bare.log("%H")[0], bare.log("%H")[2]]
    assert bare.files() != before

    committed(bare).change(roll_back("v2"), "at 50% it was slow")

    assert {**bare.files(), "record.json": b""} == {**before, "record.json": b""}
    message = bare.message()
    assert "This reverts commit" in message
    assert [commit for commit in rollout if commit in message.replace("\n", " ")] == rollout
    # The second formula: git's own reverts of the same commits give the same manifests.
    git(tmp_path, "clone", "-q", str(bare.path), "clone")
    git(tmp_path / "clone", "checkout", "-q", "main~1")
    git(tmp_path / "clone", "revert", "--no-edit", *rollout)
    for name in FILES - {"record.json"}:
        assert (tmp_path / "clone" / FOLDER / name).read_bytes() == bare.files()[name]
    assert (tmp_path / "clone" / FOLDER / "record.json").read_bytes() == before["record.json"]
    # The record differs in that it remembers how the rollout ended.
    record = rollout_store.read()
    assert record is not None
    assert [(o.version, o.decision, o.reason) for o in record.outcomes] == [
        ("v2", "rolled_back", "it was slow")
    ]
    assert git(bare.path, "show", f"{start}:{FOLDER}/inferenceservice.yaml") == (
        bare.files()["inferenceservice.yaml"].decode().strip()
    )


def test_a_rollback_after_a_change_by_others_is_a_commit_of_its_own(bare: Bare) -> None:
    rollout_store = committed(bare)
    rollout_store.change(to(serving("v1")), "")
    before = bare.files()
    rollout_store.change(stage("v2"), "")
    edited = (
        bare.files()["inferenceservice.yaml"].decode().replace("minReplicas: 1", "minReplicas: 9")
    )
    other = bare.write({f"{FOLDER}/inferenceservice.yaml": edited}, "more servers")

    rollout_store.change(roll_back("v2"), "")

    message = " ".join(bare.message().split())
    assert (
        f"Commit {other} (more servers) changed the files too, so this is a commit of its"
        in message
    )
    assert "inferenceservice.yaml differed from record.json" in message
    assert "This reverts" not in message
    assert bare.files()["inferenceservice.yaml"] == before["inferenceservice.yaml"]


def test_a_rollback_of_a_first_model_leaves_nothing_to_serve(bare: Bare) -> None:
    rollout_store = committed(bare)
    rollout_store.change(stage("v1"), "")

    rollout_store.change(roll_back("v1"), "it failed")

    assert rollout_store.service() is None
    assert yaml.safe_load(bare.files()["inferenceservice.yaml"]) is None
    assert "cannot be as before the rollout" in " ".join(bare.message().split())


def test_a_rollback_with_a_long_history_finds_its_commits(bare: Bare) -> None:
    rollout_store = committed(bare)
    rollout_store.change(to(serving("v1")), "")
    rollout_store.change(stage("v2"), "")
    started = bare.tip()

    def commit(number: int) -> str:
        parent = f"from {started}\n" if number == 0 else ""
        who = f"committer A <a@example.org> {1700000000 + number} +0000"
        file = f"M 100644 inline other\ndata 3\n{number:03}\n"
        return f"commit refs/heads/main\n{who}\ndata 1\nx\n{parent}{file}\n"

    script = "".join(commit(number) for number in range(120))
    git(bare.path, "fast-import", "--quiet", given=script)
    assert len(bare.log("%H")) == 123

    committed(bare).change(roll_back("v2"), "")

    assert f"This reverts commit {started}" in " ".join(bare.message().split())
