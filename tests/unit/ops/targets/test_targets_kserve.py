"""The KServe target against a cluster in memory whose controllers share traffic as KServe's do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import DeadlineExceeded
from components.ops.cluster.protocol import INFERENCE_SERVICE
from components.ops.targets.kserve.inference_service import candidate_name
from components.ops.targets.protocol import CandidateGone, ChampionChanged
from tests.unit.ops.targets.kserve_factories import WAYS, Killed, Toy, toy
from tests.unit.ops.targets.serving_factories import MODEL, make_model


@pytest.fixture(params=WAYS)
def kserve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, request.param) as made:
        yield made


def test_a_first_model_serves_once_it_is_promoted(kserve: Toy) -> None:
    target = kserve.target
    assert target.champion() is None
    assert target.address is None
    kserve.stage("v1")
    assert target.champion() is None
    assert target.wait_ready("v1", 5).url.startswith("http://127.")
    assert kserve.promote("v1") == target.champion()
    assert list(kserve.world.services()) == [MODEL]
    assert kserve.world.traffic == {"v1": 100}
    assert target.address == "http://toy.toys.example.com"
    assert kserve.published() == ["v1"]


def test_a_candidate_gets_its_share_and_then_all(kserve: Toy) -> None:
    champion = kserve.promote("v1")
    kserve.stage("v2")
    target = kserve.target
    assert kserve.world.traffic == {"v1": 100}
    target.wait_ready("v2", 5)
    assert target.champion() == champion
    if kserve.way == "blue_green":
        assert "spec.canary[]" in (target.no_canary_reason() or "")
        assert sorted(kserve.world.services()) == [MODEL, candidate_name(MODEL)]
    else:
        assert target.no_canary_reason() is None
        target.shift("v2", 0.3)
        target.champion()
        assert kserve.world.traffic == {"v1": 70, "v2": 30}
        staged = target.staged()
        assert staged is not None
        assert (staged.version, staged.share) == ("v2", 0.3)
    promoted = target.promote("v2", champion, "good")
    assert promoted.version == "v2"
    assert target.champion() == promoted
    assert target.staged() is None
    assert kserve.world.traffic == {"v2": 100}
    assert list(kserve.world.services()) == [MODEL]
    assert [one.version for one in kserve.record.previous] == ["v1"]
    assert kserve.published() == ["v1", "v2"]
    outcome = target.outcome("v2")
    assert outcome is not None
    assert (outcome.decision, outcome.reason) == ("promoted", "good")


def test_a_promotion_of_a_tried_candidate_starts_no_server_again(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.stage("v2")
    kserve.target.wait_ready("v2", 5)
    before = {pod.name for pod in kserve.world.pods_of("v2")}
    kserve.target.promote("v2", kserve.target.champion(), "good")
    after = {pod.name for pod in kserve.world.pods_of("v2")}
    assert before.isdisjoint(after) == (kserve.way == "blue_green")


@pytest.mark.parametrize("slow", [0, 20])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_what_is_rolled_back_leaves_no_trace_but_its_outcome(
    kserve: Toy, share: float, slow: int
) -> None:
    kserve.world.slow = slow
    champion = kserve.promote("v1")
    kserve.stage("v2")
    target = kserve.target
    target.wait_ready("v2", 5)
    target.shift("v2", share)
    kserve.world.history.clear()
    target.roll_back("v2", "it was bad")
    target.champion()
    assert target.champion() == champion
    assert target.staged() is None
    settled(kserve, "v1")
    # Never more to the candidate than it had, not for a moment.
    assert max(now.get("v2", 0) for now in kserve.world.history) <= share * 100
    assert all(sum(now.values()) == 100 for now in kserve.world.history)
    assert list(kserve.world.services()) == [MODEL]
    assert kserve.published() == ["v1"]
    assert not kserve.record.pinned
    assert not kserve.world.pods_of("v2")
    target.roll_back("v2", "again")
    outcome = target.outcome("v2")
    assert outcome is not None
    assert outcome.reason == "it was bad"


def test_a_candidate_that_the_cluster_never_saw_is_rolled_back_to_the_champion(
    kserve: Toy,
) -> None:
    """KServe takes a percentage on an unchanged template for a rollback to the one before."""
    kserve.promote("v0")
    champion = kserve.promote("v1")
    kserve.world.history.clear()
    with pytest.raises(Killed):
        kserve.stage("v2", kserve.killed_after(0, done=True))
    assert kserve.target.staged() is not None
    kserve.target.roll_back("v2", "the run was given up")
    settled(kserve, "v1")
    assert kserve.world.history == [{"v1": 100}]
    assert kserve.target.champion() == champion


@pytest.mark.parametrize("slow", [0, 20])
def test_many_rollouts_one_after_the_other(kserve: Toy, slow: int) -> None:
    kserve.world.slow = slow
    serves = "v1"
    kserve.promote(serves)
    for number in range(2, 8):
        kserve.world.history.clear()
        version = f"v{number}"
        kserve.stage(version)
        kserve.target.wait_ready(version, 5)
        kserve.target.shift(version, 0.1)
        if number % 2:
            kserve.target.roll_back(version, "odd")
        else:
            kserve.target.promote(version, kserve.target.champion(), "even")
            serves, before = version, serves
        settled(kserve, serves)
        assert all(sum(now.values()) == 100 for now in kserve.world.history)
        assert {v for now in kserve.world.history for v in now} <= {serves, before, version}
    assert [one.version for one in kserve.record.previous] == ["v4", "v2", "v1"]
    assert kserve.published() == ["v1", "v2", "v4", "v6"]


def test_a_first_model_that_is_rolled_back_leaves_nothing(kserve: Toy) -> None:
    kserve.stage("v1")
    kserve.target.roll_back("v1", "bad")
    assert kserve.world.services() == {}
    assert kserve.target.champion() is None
    assert kserve.published() == []


@pytest.mark.parametrize("slow", [0, 60])
def test_a_newer_candidate_takes_the_place_of_an_older_one(kserve: Toy, slow: int) -> None:
    kserve.world.slow = slow
    kserve.promote("v1")
    kserve.stage("v2")
    kserve.target.wait_ready("v2", 5)
    settled(kserve, "v1")
    kserve.stage("v3")
    kserve.target.wait_ready("v3", 5)
    assert kserve.world.traffic == {"v1": 100}
    with pytest.raises(CandidateGone, match="v3 is"):
        kserve.target.shift("v2", 0.5)
    kserve.target.promote("v3", kserve.target.champion(), "good")
    settled(kserve, "v3")
    assert all("v2" not in now for now in kserve.world.history)
    assert kserve.published() == ["v1", "v3"]


def test_the_same_candidate_again_is_found(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.stage("v2")
    before, pods = kserve.record, {pod.name for pod in kserve.world.pods_of("v2")}
    kserve.target.shift("v2", 0.2)
    kserve.stage("v2")
    assert kserve.record == before.model_copy(update={"share": 0.2})
    assert {pod.name for pod in kserve.world.pods_of("v2")} == pods
    kserve.target.promote("v2", kserve.target.champion(), "good")
    folder = make_model(kserve.tmp, "v2")
    again = kserve.target.stage(folder, kserve.candidate("v2"), None)
    assert again.share == 1.0


def test_another_champion_than_planned_stops_it(kserve: Toy) -> None:
    old = kserve.promote("v1")
    kserve.promote("v2")
    folder = make_model(kserve.tmp, "v3")
    with pytest.raises(ChampionChanged, match="version v2 serves"):
        kserve.target.stage(folder, kserve.candidate("v3"), old)
    assert kserve.published() == ["v1", "v2"]
    kserve.stage("v3")
    with pytest.raises(ChampionChanged):
        kserve.target.promote("v3", old, "good")


def test_a_candidate_that_is_never_ready_says_why_and_keeps_the_champion(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.world.broken = {"v2"}
    kserve.stage("v2")
    (pod,) = kserve.world.pods_of("v2")
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod.found["status"]["containerStatuses"] = [
        {"name": "kserve-container", "restartCount": 3, "state": state}
    ]
    kserve.world.touch()
    with pytest.raises(DeadlineExceeded) as told:
        kserve.target.wait_ready("v2", 0.05)
    lines = str(told.value).splitlines()
    assert lines[0] == "version v2 was not ready within 0.05 s"
    assert lines[-1] == f"pod {pod.name}: kserve-container CrashLoopBackOff: back-off 10s"
    kserve.target.roll_back("v2", "never ready")
    assert kserve.world.traffic == {"v1": 100}


def test_a_champion_whose_service_somebody_removed_serves_no_more(kserve: Toy) -> None:
    kserve.promote("v1")
    kserve.world.memory.delete(INFERENCE_SERVICE, "toys", MODEL)
    assert kserve.target.champion() is None
    kserve.promote("v2")
    assert kserve.world.traffic == {"v2": 100}


@pytest.mark.parametrize("slow", [0, 20])
def test_a_promotion_waits_for_all_servers(kserve: Toy, slow: int) -> None:
    kserve.promote("v1", min_replicas=3)
    kserve.world.slow = slow
    kserve.stage("v2", min_replicas=3)
    kserve.target.promote("v2", kserve.target.champion(), "good")
    settled(kserve, "v2")
    assert kserve.world.fewest == {"v1": 3, "v2": 3}


def test_a_promotion_that_finds_no_room_can_be_rolled_back(tmp_path: Path) -> None:
    with toy(tmp_path, "blue_green") as kserve:
        champion = kserve.promote("v1")
        kserve.stage("v2")
        kserve.target.wait_ready("v2", 5)
        kserve.world.full = {MODEL}
        with pytest.raises(DeadlineExceeded, match="had no 1 server"):
            kserve.target.promote("v2", champion, "good")
        assert kserve.target.champion() == champion
        kserve.target.roll_back("v2", "no room")
        settled(kserve, "v1")
        assert list(kserve.world.services()) == [MODEL]


def settled(kserve: Toy, serves: str) -> None:
    """After the controllers had their time, one version has all traffic."""
    for _ in range(9 * kserve.world.slow):
        kserve.world.reconcile()
    kserve.target.champion()
    assert kserve.world.traffic == {serves: 100}
