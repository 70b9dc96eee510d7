"""What is done for what is there: pure, case by case."""

from dataclasses import replace

import pytest

from components.core.spans import SpanKind
from components.ops.schedule.manifest import RunParameters
from components.ops.schedule.recurring_run import (
    ActualRecurringRun,
    DesiredRecurringRun,
    ResolvedIds,
    decide_actions,
)
from components.ops.schedule.trigger import Trigger

IDS = ResolvedIds("p1", "v1", "e1")
DESIRED = DesiredRecurringRun(
    model="flights",
    pipeline="monitor",
    version="monitor-1",
    parameters=RunParameters(model="models/flights"),
    every=SpanKind.DAY,
    namespace="ml",
    experiment="ratoon",
    service_account="ratoon-pipeline",
    origin="declared",
)
EARLIER = DESIRED.model_copy(update={"version": "monitor-0"})


def actual(
    run_id: str = "r1", created: int = 1, desired: DesiredRecurringRun = DESIRED
) -> ActualRecurringRun:
    return ActualRecurringRun(
        run_id=run_id,
        name=desired.name,
        description=desired.description,
        created_at=f"2013-07-01T00:00:{created:02d}Z",
        enabled=True,
        version_id="v1" if desired.version == DESIRED.version else "v0",
        experiment_id="e1",
        parameters={"model": "models/flights", "as_of": "start of day"},
        trigger=desired.trigger,
        service_account="ratoon-pipeline",
        no_catchup=True,
        max_concurrency=1,
    )


def ids(runs: tuple[ActualRecurringRun, ...]) -> list[str]:
    return [one.run_id for one in runs]


def test_nothing_there_is_made() -> None:
    decision = decide_actions(DESIRED, (), IDS)

    assert (decision.create, decision.keep, decision.delete) == (True, None, ())


def test_what_is_as_wanted_stays() -> None:
    decision = decide_actions(DESIRED, (actual(),), IDS)

    assert decision.is_done
    assert decision.keep == actual()


def test_an_earlier_one_goes_only_when_the_new_one_stands() -> None:
    old = actual("r0", 0, EARLIER)

    first = decide_actions(DESIRED, (old,), IDS)
    second = decide_actions(DESIRED, (old, actual()), IDS)

    assert (first.create, first.delete) == (True, ())
    assert (second.create, ids(second.delete)) == (False, ["r0"])
    assert second.reasons == (f"{EARLIER.name} is what was wanted before",)


@pytest.mark.parametrize(
    ("duplicates", "stays"),
    [
        ([("b", 1), ("a", 2)], "b"),
        ([("b", 1), ("a", 1)], "a"),
        ([("c", 3), ("b", 2), ("a", 9)], "b"),
    ],
)
def test_of_duplicates_the_oldest_stays_then_the_smallest_id(
    duplicates: list[tuple[str, int]], stays: str
) -> None:
    there = tuple(actual(run_id, created) for run_id, created in duplicates)

    for seen in (there, there[::-1]):
        decision = decide_actions(DESIRED, seen, IDS)
        assert decision.keep is not None
        assert decision.keep.run_id == stays
        assert decision.reasons == (f"{DESIRED.name} existed {len(duplicates)} times",)
        assert sorted(ids(decision.delete)) == sorted(r for r, _ in duplicates if r != stays)


def test_one_that_was_disabled_by_hand_is_enabled() -> None:
    decision = decide_actions(DESIRED, (replace(actual(), enabled=False),), IDS)

    assert (decision.set_enabled, decision.create, decision.delete) == (True, False, ())
    assert decision.reasons == (f"{DESIRED.name} was disabled by hand",)


def test_one_that_shall_not_run_is_disabled() -> None:
    off = DESIRED.model_copy(update={"enabled": False})

    assert decide_actions(off, (actual(),), IDS).set_enabled
    assert decide_actions(off, (replace(actual(), enabled=False),), IDS).is_done


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"trigger": Trigger(cron="0 0 0 1 * *")}, "schedule"),
        ({"trigger": Trigger(interval_s=60)}, "schedule"),
        ({"ends": True}, "schedule"),
        ({"parameters": {"model": "other"}}, "parameters"),
        ({"version_id": "v9"}, "pipeline version"),
        ({"experiment_id": "e9"}, "experiment"),
        ({"service_account": "default-editor"}, "service account"),
        ({"no_catchup": False}, "catch-up"),
        ({"max_concurrency": 3}, "concurrency"),
    ],
)
def test_one_that_was_changed_by_hand_is_made_anew(changed: dict[str, object], says: str) -> None:
    edited = replace(actual(), **changed)

    first = decide_actions(DESIRED, (edited,), IDS)
    second = decide_actions(DESIRED, (edited, actual("r2", 2)), IDS)

    assert first.create
    assert first.reasons == (f"{DESIRED.name} was changed: {says}",)
    assert second.keep == actual("r2", 2)
    assert ids(second.delete) == ["r1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"description": ""},
        {"description": DESIRED.description.replace("model=flights", "model=flights2")},
        {"name": f"Clone of {DESIRED.name}"},
        {"name": "flights-monitor-by-hand"},
    ],
)
def test_what_others_made_is_never_touched(changed: dict[str, str]) -> None:
    foreign = replace(actual("x", 0), **changed)

    decision = decide_actions(DESIRED, (foreign, actual()), IDS)

    assert decision.is_done
    assert decision.keep == actual()


def test_a_model_whose_name_begins_like_another_is_another() -> None:
    other = DESIRED.model_copy(update={"model": "flights-monitor"})

    assert decide_actions(DESIRED, (actual("x", 0, other), actual()), IDS).is_done


def test_a_step_leaves_what_git_declares() -> None:
    step = EARLIER.model_copy(update={"origin": "step"})

    decision = decide_actions(step, (replace(actual(), enabled=False),), IDS)

    assert decision.is_done
    assert decision.managed_by_git


def test_git_takes_over_what_a_step_made() -> None:
    step = DESIRED.model_copy(update={"origin": "step"})

    first = decide_actions(DESIRED, (actual("s", 0, step),), IDS)
    second = decide_actions(DESIRED, (actual("s", 0, step), actual()), IDS)

    assert first.create
    assert ids(second.delete) == ["s"]
