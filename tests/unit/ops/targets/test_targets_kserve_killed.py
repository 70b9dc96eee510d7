"""A step that is killed at any of its calls to the cluster, and then run again."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.protocol import CandidateGone
from tests.unit.ops.targets.kserve_factories import WAYS, Killed, Toy, toy
from tests.unit.ops.targets.serving_factories import MODEL

Step = Callable[[Toy, KServeTarget], object]


def deploy_first(made: Toy, target: KServeTarget) -> None:
    made.stage("v1", target)
    target.wait_ready("v1", 5)
    target.promote("v1", None, "first")


def roll_out(made: Toy, target: KServeTarget) -> None:
    """As deploy and rollout do: staged, tried, given a share, promoted."""
    champion = target.champion()
    if champion and champion.version == "v2":
        target.promote("v2", None, "again")
        return
    made.stage("v2", target)
    target.wait_ready("v2", 5)
    if target.no_canary_reason() is None:
        target.shift("v2", 0.4)
    target.promote("v2", champion, "good")


def roll_back(made: Toy, target: KServeTarget) -> None:
    if target.outcome("v2") is None:
        made.stage("v2", target)
        target.wait_ready("v2", 5)
        target.shift("v2", 0.4)
    target.roll_back("v2", "bad")


def replace_candidate(made: Toy, target: KServeTarget) -> None:
    if target.outcome("v2") is None:
        made.stage("v2", target)
    made.stage("v3", target)
    target.wait_ready("v3", 5)


SLOW = 2
# What is done before, what is killed, and who serves in the end.
STEPS: dict[str, tuple[tuple[str, ...], Step, str]] = {
    "first model": ((), deploy_first, "v1"),
    "rollout": (("v0", "v1"), roll_out, "v2"),
    "roll back": (("v0", "v1"), roll_back, "v1"),
    "newer candidate": (("v0", "v1"), replace_candidate, "v1"),
}


def is_killed(made: Toy, step: Step, writes: int, *, done: bool) -> bool:
    try:
        step(made, made.killed_after(writes, done=done))
    except Killed:
        return True
    return False


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("way", WAYS)
def test_it_is_finished_by_being_run_again(tmp_path: Path, way: str, name: str, done: bool) -> None:
    earlier, step, serves = STEPS[name]
    with toy(tmp_path, way) as begun:
        for version in earlier:
            begun.promote(version)
        begun.world.history.clear()
        begun.keep()
        for writes in itertools.count():
            made = begun.again()
            made.world.slow = SLOW
            again = is_killed(made, step, writes, done=done)
            check_champion_kept(made, earlier, serves)
            step(made, made.target)
            check_end(made, earlier, serves)
            if not again:
                break
    assert writes >= 4


def check_champion_kept(made: Toy, earlier: tuple[str, ...], serves: str) -> None:
    """Whoever reads now finds the old champion or the new one."""
    champion = made.target.champion()
    if earlier:
        assert champion is not None
        assert champion.version in (earlier[-1], serves)


def check_end(made: Toy, earlier: tuple[str, ...], serves: str) -> None:
    target, history = made.target, made.world.history
    for _ in range(9 * SLOW):
        made.world.reconcile()
    champion = target.champion()
    assert champion is not None
    assert champion.version == serves
    if earlier:  # nobody was without an answer, and no older champion came back
        assert all(sum(now.values()) == 100 for now in history)
        assert all(now.keys() <= {"v1", "v2", "v3"} for now in history)
    if earlier and serves == "v1":  # never more to a candidate than it was given
        assert all(now.get("v1", 0) >= 60 for now in history)
    record = made.record
    decided = [(one.version, one.decision) for one in record.outcomes]
    assert len(decided) == len(set(decided)), "decided twice"
    staged = target.staged()
    if staged is None:
        assert made.world.traffic == {serves: 100}
        assert list(made.world.services()) == [MODEL]
        assert not record.pinned
        with pytest.raises(CandidateGone):
            target.shift("v9", 0.1)
    assert made.published() == sorted({*earlier, serves, *([staged.version] if staged else [])})
