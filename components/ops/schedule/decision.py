"""What has to be done so that a model has exactly the recurring run that is wanted."""

from collections.abc import Iterable
from dataclasses import dataclass

from components.ops.schedule.recurring_run import Existing, Place, WantedRun, differences


@dataclass(frozen=True)
class Decision:
    """What to do next.

    Attributes:
        create: Whether the wanted run has to be made; nothing else is done before it stands.
        keep: The run that stays; None: there is none yet.
        switch: Whether the one that stays has to be enabled or disabled.
        delete: The runs of this model that go, oldest first.
        why: What was found wrong, in a few words each.
        left: Whether a run that git declares was found, which a step does not touch.
    """

    create: bool
    keep: Existing | None
    switch: bool
    delete: tuple[Existing, ...]
    why: tuple[str, ...]
    left: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.switch or self.delete)


def decide(wanted: WantedRun, existing: Iterable[Existing], place: Place) -> Decision:
    """Compares what is wanted with what is there; two that see the same decide the same.

    Args:
        wanted: The recurring run.
        existing: Every recurring run of the namespace; those of others are passed over.
        place: Where KFP keeps what the wanted run names.
    """
    ours = sorted(
        (one for one in existing if one.belongs_to(wanted.model, wanted.pipeline)),
        key=lambda one: (one.created_at, one.run_id),
    )
    declared = [one for one in ours if one.origin == "declared"]
    if wanted.origin == "step" and declared:
        return Decision(False, declared[0], False, (), (), left=True)
    differing = {one.run_id: differences(one, wanted, place) for one in ours}
    fitting = [one for one in ours if not differing[one.run_id]]
    why = tuple(_wrong(one, differing[one.run_id], wanted) for one in ours if one not in fitting)
    if not fitting:
        return Decision(True, None, False, (), why)
    keep, *twins = fitting
    delete = tuple(one for one in ours if one is not keep)
    switch = keep.enabled != wanted.enabled
    if switch:
        why += (f"{keep.name} was {'enabled' if keep.enabled else 'disabled'} by hand",)
    if twins:
        why += (f"{keep.name} was there {len(fitting)} times",)
    return Decision(False, keep, switch, delete, why)


def _wrong(one: Existing, differing: tuple[str, ...], wanted: WantedRun) -> str:
    if "name" not in differing:
        return f"{one.name} was changed: {', '.join(differing)}"
    return f"{one.name} is what was wanted before"
