"""Rollback to an earlier champion: processes of this machine, and a cluster in memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import DeadlineExceeded, InputError
from components.ops.rollout.manual import audit_entries, rollback
from components.ops.targets.protocol import ChampionChanged
from tests.unit.ops.targets.conftest import Serving, predict, record_of, versions_running
from tests.unit.ops.targets.kserve_factories import WAYS, Killed, Toy, toy
from tests.unit.ops.targets.serving_factories import MODEL


@pytest.fixture(params=WAYS)
def kserve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def blue_green(tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, "blue_green") as made:
        yield made


def test_an_earlier_version_serves_instead_and_the_audit_says_so(serving: Serving) -> None:
    for version in ("v1", "v2"):
        serving.promote(version)
    serving.stage("v3")
    reason = "it answers nonsense"

    done = rollback(serving.target, None, reason)

    assert (done.decision, done.champion.version) == ("reinstated", "v1")
    assert done.replaced is not None
    assert done.ended is not None
    assert (done.replaced.version, done.ended.version) == ("v2", "v3")
    assert predict(serving).headers["x-ratoon-version"] == "v1"
    assert versions_running(serving) == ["gateway", "v1"]
    assert [one.version for one in record_of(serving).previous] == ["v2"]
    entries = {(e.step, e.version, e.decision): e for e in audit_entries(done, MODEL, reason)}
    assert set(entries) == {("rollback", "v1", "reinstated"), ("approve", "v3", "rolled_back")}
    entry = entries["rollback", "v1", "reinstated"]
    assert (entry.reason, entry.details) == (reason, {"replaced": "v2"})

    again = rollback(serving.target, None, reason)
    assert again.decision == "serves already"
    assert audit_entries(again, MODEL, reason) == ()
    assert rollback(serving.target, "v2", reason).decision == "reinstated"
    assert versions_running(serving) == ["gateway", "v2"]


def test_what_cannot_be_had_is_refused_and_nothing_is_changed(serving: Serving) -> None:
    with pytest.raises(InputError, match="there is none"):
        rollback(serving.target, None, "")
    for version in ("v1", "v2"):
        serving.promote(version)
    before = record_of(serving)
    with pytest.raises(InputError, match="an earlier version that is kept: v1"):
        rollback(serving.target, "v9", "")
    folder = serving.target.target_uri.model_folder("v1")
    (folder / "behaviour.json").write_text("{ }")
    with pytest.raises(InputError, match="other bytes"):
        rollback(serving.target, None, "")
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="a folder that is gone"):
        rollback(serving.target, None, "")
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


def test_a_folder_of_the_store_is_compared_by_all_its_bytes(blue_green: Toy) -> None:
    blue_green.promote("v1")
    blue_green.promote("v2")
    before = blue_green.record
    folder = blue_green.store / MODEL / "v1"
    (folder / "behaviour.json").write_text("{ }")
    with pytest.raises(InputError, match="other bytes"):
        rollback(blue_green.target, "v1", "")
    (folder / "published.json").unlink()
    with pytest.raises(InputError, match="a folder that is gone"):
        rollback(blue_green.target, "v1", "")
    with pytest.raises(InputError, match="accepted: an earlier version that is kept: v1"):
        rollback(blue_green.target, "v0", "")
    assert blue_green.record == before


def test_another_champion_than_was_seen_stops_it(blue_green: Toy) -> None:
    seen = blue_green.promote("v1")
    blue_green.promote("v2")
    before = blue_green.record
    with pytest.raises(ChampionChanged):
        blue_green.target.stage_previous("v1", seen)
    assert blue_green.record == before
