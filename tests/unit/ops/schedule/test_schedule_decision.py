"""What is done for what is there: pure, case by case."""

from dataclasses import replace

import pytest

from components.ops.schedule.decision import decide
from components.ops.schedule.recurring_run import Existing, Place, WantedRun
from components.ops.schedule.trigger import Trigger

PLACE = Place("p1", "v1", "e1")
WANTED = WantedRun(
    model="flights",
    pipeline="monitor",
    version="monitor-1",
    parameters={"model": "models/flights", "as_of": "start of day", "target": ""},
    trigger=Trigger(cron="0 0 0 * * *"),
    namespace="ml",
    experiment="ratoon",
    service_account="ratoon-pipeline",
    origin="declared",
)
EARLIER = WANTED.model_copy(update={"version": "monitor-0"})


def existing(run_id: str = "r1", created: int = 1, wanted: WantedRun = WANTED) -> Existing:
    return Existing(
        run_id=run_id,
        name=wanted.name,
        description=wanted.description,
        created_at=f"2013-07-01T00:00:{created:02d}Z",
        enabled=True,
        place=PLACE if wanted.version == WANTED.version else replace(PLACE, version_id="v0"),
        parameters={"model": "models/flights", "as_of": "start of day"},
        trigger=wanted.trigger,
        service_account="ratoon-pipeline",
        no_catchup=True,
        max_concurrency=1,
    )


def ids(runs: tuple[Existing, ...]) -> list[str]:
    return [one.run_id for one in runs]


def test_nothing_there_is_made() -> None:
    decision = decide(WANTED, (), PLACE)

    assert (decision.create, decision.keep, decision.delete) == (True, None, ())


def test_what_is_as_wanted_stays() -> None:
    decision = decide(WANTED, (existing(),), PLACE)

    assert decision.is_settled
    assert decision.keep == existing()


def test_an_earlier_one_goes_only_when_the_new_one_stands() -> None:
    old = existing("r0", 0, EARLIER)

    first = decide(WANTED, (old,), PLACE)
    second = decide(WANTED, (old, existing()), PLACE)

    assert (first.create, first.delete) == (True, ())
    assert (second.create, ids(second.delete)) == (False, ["r0"])
    assert second.why == (f"{EARLIER.name} is what was wanted before",)


@pytest.mark.parametrize(
    ("twins", "stays"),
    [
        ([("b", 1), ("a", 2)], "b"),
        ([("b", 1), ("a", 1)], "a"),
        ([("c", 3), ("b", 2), ("a", 9)], "b"),
    ],
)
def test_of_twins_the_oldest_stays_then_the_smallest_id(
    twins: list[tuple[str, int]], stays: str
) -> None:
    there = tuple(existing(run_id, created) for run_id, created in twins)

    for seen in (there, there[::-1]):
        decision = decide(WANTED, seen, PLACE)
        assert decision.keep is not None
        assert decision.keep.run_id == stays
        assert decision.why == (f"{WANTED.name} was there {len(twins)} times",)
        assert sorted(ids(decision.delete)) == sorted(r for r, _ in twins if r != stays)


def test_one_that_was_disabled_by_hand_is_enabled() -> None:
    decision = decide(WANTED, (replace(existing(), enabled=False),), PLACE)

    assert (decision.switch, decision.create, decision.delete) == (True, False, ())
    assert decision.why == (f"{WANTED.name} was disabled by hand",)


def test_one_that_shall_not_run_is_disabled() -> None:
    off = WANTED.model_copy(update={"enabled": False})

    assert decide(off, (existing(),), PLACE).switch
    assert decide(off, (replace(existing(), enabled=False),), PLACE).is_settled


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"trigger": Trigger(cron="0 0 0 1 * *")}, "schedule"),
        ({"trigger": Trigger(interval_s=60)}, "schedule"),
        ({"ends": True}, "schedule"),
        ({"parameters": {"model": "other"}}, "parameters"),
        ({"place": replace(PLACE, version_id="v9")}, "pipeline version"),
        ({"place": replace(PLACE, experiment_id="e9")}, "experiment"),
        ({"service_account": "default-editor"}, "service account"),
        ({"no_catchup": False}, "catch-up"),
        ({"max_concurrency": 3}, "concurrency"),
    ],
)
def test_one_that_was_changed_by_hand_is_made_anew(changed: dict[str, object], says: str) -> None:
    edited = replace(existing(), **changed)

    first = decide(WANTED, (edited,), PLACE)
    second = decide(WANTED, (edited, existing("r2", 2)), PLACE)

    assert first.create
    assert first.why == (f"{WANTED.name} was changed: {says}",)
    assert second.keep == existing("r2", 2)
    assert ids(second.delete) == ["r1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"description": ""},
        {"description": WANTED.description.replace("model=flights", "model=flights2")},
        {"name": f"Clone of {WANTED.name}"},
        {"name": "flights-monitor-by-hand"},
    ],
)
def test_what_others_made_is_never_touched(changed: dict[str, str]) -> None:
    foreign = replace(existing("x", 0), **changed)

    decision = decide(WANTED, (foreign, existing()), PLACE)

    assert decision.is_settled
    assert decision.keep == existing()


def test_a_model_whose_name_begins_like_another_is_another() -> None:
    other = WANTED.model_copy(update={"model": "flights-monitor"})

    assert decide(WANTED, (existing("x", 0, other), existing()), PLACE).is_settled


def test_a_step_leaves_what_git_declares() -> None:
    step = EARLIER.model_copy(update={"origin": "step"})

    decision = decide(step, (replace(existing(), enabled=False),), PLACE)

    assert decision.is_settled
    assert decision.left


def test_git_takes_over_what_a_step_made() -> None:
    step = WANTED.model_copy(update={"origin": "step"})

    first = decide(WANTED, (existing("s", 0, step),), PLACE)
    second = decide(WANTED, (existing("s", 0, step), existing()), PLACE)

    assert first.create
    assert ids(second.delete) == ["s"]
