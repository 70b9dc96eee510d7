"""Brings KFP to the recurring run that is wanted, whatever it has and whoever else is at it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from components.core.errors import ApiRejected
from components.ops.schedule.decision import Decision, decide
from components.ops.schedule.kubeflow import KubeflowPipelines
from components.ops.schedule.recurring_run import Place, WantedRun

_ROUNDS = 8


@dataclass(frozen=True)
class Settled:
    """What was done.

    Attributes:
        decision: ``scheduled``, or ``unchanged`` where nothing had to be done.
        name: The recurring run that stands.
        did: What was done, in a few words each; none: nothing.
        left: Whether it is git's, which a step does not touch.
    """

    decision: Literal["scheduled", "unchanged"]
    name: str
    did: tuple[str, ...]
    left: bool = False


def settle(
    api: KubeflowPipelines,
    wanted: WantedRun,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Settled:
    """Makes KFP have exactly the recurring run that is wanted.

    Each round lists what is there, decides, and does the one next thing: the wanted run is made
    before any other goes, so that a model is watched at every moment, and killed anywhere it is
    finished by being run again. It ends with a round that finds nothing to do. KFP lets two runs
    have one name, so two that make it at once see both in their next round and keep the older.

    Args:
        api: The KFP installation.
        wanted: The recurring run.
        now: Gives the present.

    Raises:
        InputError: There is no such pipeline or version, or no namespace.
        ApiUnavailable: KFP did not answer.
        ApiRejected: It refused, or somebody else keeps wanting another run for this model.
    """
    namespace, place = api.namespace(wanted), api.place(wanted)
    if not place.experiment_id:
        made = api.create_experiment(wanted.experiment, namespace)
        place = replace(place, experiment_id=made)
    did: list[str] = []
    for _ in range(_ROUNDS):
        decision = decide(wanted, api.recurring_runs(namespace), place)
        did.extend(one for one in decision.why if one not in did)
        if decision.is_settled:
            name = decision.keep.name if decision.keep else wanted.name
            return Settled("scheduled" if did else "unchanged", name, tuple(did), decision.left)
        did.extend(one for one in _act(api, wanted, decision, place, now()) if one not in did)
    raise ApiRejected(
        f"{wanted.name}: after {_ROUNDS} rounds it does not stand alone: "
        f"{'; '.join(did)}. Something else wants another recurring run for {wanted.model}: "
        "two files that declare it, or two versions of this program at once."
    )


def _act(
    api: KubeflowPipelines, wanted: WantedRun, decision: Decision, place: Place, now: datetime
) -> tuple[str, ...]:
    if decision.create:
        api.create(wanted, place, now)
        return (f"made {wanted.name}",)
    assert decision.keep is not None  # nothing goes before the wanted run stands
    done = []
    if decision.switch:
        api.switch(decision.keep.run_id, wanted.enabled)
        done.append(f"{'enabled' if wanted.enabled else 'disabled'} {decision.keep.name}")
    for old in decision.delete:
        api.delete(old.run_id)
        done.append(f"removed {old.name}")
    return tuple(done)
