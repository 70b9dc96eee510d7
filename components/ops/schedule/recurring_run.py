"""A recurring run on a cluster: the desired one, what KFP has, and what has to be done."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from components.core.errors import InputError
from components.ops.schedule.manifest import VERSION, EnvDefaults, RecurringRunManifest
from components.ops.schedule.trigger import Trigger, start_of

_DIGITS = 12
# What the compiler gives the steps of a pipeline until it knows the version's name.
_UNNAMED = ("", "to-be-named")
_MARK = re.compile(r"\[ratoon model=(\S+) pipeline=(\S+) by=(\S+) digest=([0-9a-f]+)\]")
# Who wants it: a file in git, or the schedule step of a run.
Origin = Literal["declared", "step"]


class DesiredRecurringRun(RecurringRunManifest):
    """A manifest that leaves nothing open; one in git goes before the one of a step."""

    origin: Origin = "step"

    @classmethod
    def of(cls, manifest: RecurringRunManifest, defaults: EnvDefaults, origin: Origin) -> Self:
        """The recurring run that a manifest asks for in an environment.

        Raises:
            InputError: No version is named.
        """
        version = manifest.version or defaults.version
        if version in _UNNAMED:
            do = (
                f"Write it, or set {VERSION}; `ratoon compile` names it in manifests/pipelines. "
                "The newest version, whatever it is, is never run."
            )
            where = f"{manifest.model}: version of pipeline {manifest.pipeline}"
            raise InputError(where, version, "the name of an uploaded version", do)
        fields = manifest.model_dump(mode="json", exclude_none=True)
        overlay = manifest.parameters.overlay or defaults.overlay
        fields["parameters"] |= {"overlay": overlay}
        namespace = manifest.namespace or defaults.namespace
        return cls(**{**fields, "version": version, "namespace": namespace, "origin": origin})

    @property
    def arguments(self) -> dict[str, str]:
        """The pipeline's arguments.

        A run that falls due with `every` gets that boundary as its `as_of`; one of a `cron` gets
        none, which means its scheduled time if KFP says it, and else now.
        """
        as_of = start_of(self.every) if self.every is not None else ""
        return {**self.parameters.model_dump(), "as_of": as_of}

    @property
    def name(self) -> str:
        """The recurring run's name, ``<model>-monitor-<digest>``."""
        return f"{self.model}-{self.pipeline}-{self.digest[:_DIGITS]}"

    @property
    def description(self) -> str:
        """The text on the dashboard; its last part is the mark that we know our own runs by."""
        by = "a file in git" if self.origin == "declared" else "the schedule step"
        mark = f"model={self.model} pipeline={self.pipeline} by={self.origin}"
        return (
            f"Monitors the model {self.model} with {self.version}. Managed by {by}: manual changes "
            f"are reverted. [ratoon {mark} digest={self.digest}]"
        )


@dataclass(frozen=True)
class ResolvedIds:
    """The ids of what a desired run names; empty for an experiment that does not exist yet."""

    pipeline_id: str
    version_id: str
    experiment_id: str


@dataclass(frozen=True)
class ActualRecurringRun:
    """A recurring run that KFP has.

    Attributes:
        name: Its name, which others may have too.
        created_at: RFC 3339, whole seconds.
    """

    run_id: str
    name: str
    description: str
    created_at: str
    enabled: bool
    version_id: str
    experiment_id: str
    parameters: Mapping[str, Any]
    trigger: Trigger
    service_account: str
    no_catchup: bool
    max_concurrency: int
    ends: bool = False

    def belongs_to(self, model: str, pipeline: str) -> bool:
        """Whether we made it for this model: by its mark and its name, which a copy lacks."""
        mark = _MARK.search(self.description)
        if mark is None or (mark[1], mark[2]) != (model, pipeline):
            return False
        return self.name == f"{model}-{pipeline}-{mark[4][:_DIGITS]}"

    @property
    def origin(self) -> str:
        """Who wanted it; empty if it is not one of ours."""
        mark = _MARK.search(self.description)
        return mark[3] if mark else ""


@dataclass(frozen=True)
class ReconcileActions:
    """What to do next.

    Attributes:
        create: Whether to create the desired run; nothing else is done before it exists.
        keep: The run that stays; None if there is none yet.
        delete: The runs of this model to delete, oldest first.
        managed_by_git: Whether a run that git declares was found, which a step does not touch.
    """

    create: bool
    keep: ActualRecurringRun | None
    set_enabled: bool
    delete: tuple[ActualRecurringRun, ...]
    reasons: tuple[str, ...]
    managed_by_git: bool = False

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.set_enabled or self.delete)


def decide_actions(
    desired: DesiredRecurringRun, actual: Iterable[ActualRecurringRun], ids: ResolvedIds
) -> ReconcileActions:
    """Compares the desired run with those of its namespace; the runs of others are ignored."""
    ours = sorted(
        (one for one in actual if one.belongs_to(desired.model, desired.pipeline)),
        key=lambda one: (one.created_at, one.run_id),
    )
    declared = [one for one in ours if one.origin == "declared"]
    if desired.origin == "step" and declared:
        return ReconcileActions(False, declared[0], False, (), (), managed_by_git=True)
    differing = {one.run_id: differences(one, desired, ids) for one in ours}
    matching = [one for one in ours if not differing[one.run_id]]
    reasons = tuple(_reason(one, differing[one.run_id]) for one in ours if one not in matching)
    if not matching:
        return ReconcileActions(True, None, False, (), reasons)
    keep, *duplicates = matching
    delete = tuple(one for one in ours if one is not keep)
    set_enabled = keep.enabled != desired.enabled
    if set_enabled:
        reasons += (f"{keep.name} was {'enabled' if keep.enabled else 'disabled'} by hand",)
    if duplicates:
        reasons += (f"{keep.name} existed {len(matching)} times",)
    return ReconcileActions(False, keep, set_enabled, delete, reasons)


def differences(
    actual: ActualRecurringRun, desired: DesiredRecurringRun, ids: ResolvedIds
) -> tuple[str, ...]:
    """What of a run is not as desired and cannot be changed in place; none if it may stay."""
    given, wanted = (
        {name: value for name, value in one.items() if value != ""}
        for one in (actual.parameters, desired.arguments)
    )
    is_as_desired = {
        "name": actual.name == desired.name,
        "owner": actual.origin == desired.origin,
        "pipeline version": actual.version_id == ids.version_id,
        "experiment": actual.experiment_id == ids.experiment_id,
        "parameters": given == wanted,
        "schedule": actual.trigger == desired.trigger and not actual.ends,
        "service account": desired.service_account in ("", actual.service_account),
        "catch-up": actual.no_catchup,
        "concurrency": actual.max_concurrency == 1,
    }
    return tuple(name for name, is_so in is_as_desired.items() if not is_so)


def _reason(actual: ActualRecurringRun, differing: tuple[str, ...]) -> str:
    if "name" not in differing:
        return f"{actual.name} was changed: {', '.join(differing)}"
    return f"{actual.name} is what was wanted before"
