"""A recurring run on a cluster: what is wanted, and what KFP has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.core.artifacts import Record
from components.core.digest import digest_of
from components.ops.schedule.trigger import Trigger

_DIGITS = 12
_MARK = re.compile(r"\[ratoon model=(\S+) pipeline=(\S+) by=(\S+) digest=([0-9a-f]+)\]")
# Who wants it: a file in git, or the schedule step of a run.
Origin = Literal["declared", "step"]


class WantedRun(Record):
    """The recurring run that is wanted.

    Attributes:
        model: The model's name.
        pipeline: The pipeline's name.
        version: The name of the pipeline's version.
        parameters: The run's parameters.
        trigger: When it falls due.
        namespace: Where it runs; empty where KFP tells no namespaces apart.
        experiment: The experiment that its runs are shown under.
        service_account: Of its pods; empty: KFP's own default.
        enabled: Whether it runs at all.
        origin: Who wants it; what git declares goes before what a step wants.
    """

    model: str
    pipeline: str
    version: str
    parameters: Mapping[str, str]
    trigger: Trigger
    namespace: str
    experiment: str
    service_account: str
    enabled: bool = True
    origin: Origin = "step"

    @property
    def digest(self) -> str:
        """Names what is wanted, whoever wants it and whether it runs."""
        return digest_of(self.model_dump(mode="json", exclude={"enabled", "origin"}))

    @property
    def name(self) -> str:
        """The recurring run's name, ``<model>-monitor-<digest>``."""
        return f"{self.model}-{self.pipeline}-{self.digest[:_DIGITS]}"

    @property
    def description(self) -> str:
        """What people read of it on the dashboard; its last part is what we know our own by."""
        by = "a file in git" if self.origin == "declared" else "the schedule step"
        mark = f"model={self.model} pipeline={self.pipeline} by={self.origin}"
        return (
            f"Watches the model {self.model} with {self.version}. Kept by {by}: what is changed "
            f"by hand is put right again. [ratoon {mark} digest={self.digest}]"
        )


@dataclass(frozen=True)
class Place:
    """Where KFP keeps what a wanted run names.

    Attributes:
        pipeline_id: The pipeline.
        version_id: The version of it.
        experiment_id: The experiment; empty: it is not there yet.
    """

    pipeline_id: str
    version_id: str
    experiment_id: str


@dataclass(frozen=True)
class Existing:
    """A recurring run that KFP has.

    Attributes:
        run_id: Its id.
        name: Its name, which others may have too.
        description: Its description.
        created_at: When it was made (RFC 3339, whole seconds).
        enabled: Whether it runs.
        place: What it runs, and where it is shown.
        parameters: Its parameters.
        trigger: When it falls due.
        service_account: Of its pods.
        no_catchup: Whether missed times are passed over.
        max_concurrency: How many of its runs may be under way at once.
        ends: Whether it was given an end.
    """

    run_id: str
    name: str
    description: str
    created_at: str
    enabled: bool
    place: Place
    parameters: Mapping[str, Any]
    trigger: Trigger
    service_account: str
    no_catchup: bool
    max_concurrency: int
    ends: bool = False

    def belongs_to(self, model: str, pipeline: str) -> bool:
        """Whether we made it for this model: by its mark and its name, which a copy has not."""
        mark = _MARK.search(self.description)
        if mark is None or (mark[1], mark[2]) != (model, pipeline):
            return False
        return self.name == f"{model}-{pipeline}-{mark[4][:_DIGITS]}"

    @property
    def origin(self) -> str:
        """Who wanted it; empty: it is none of ours."""
        mark = _MARK.search(self.description)
        return mark[3] if mark else ""


def differences(existing: Existing, wanted: WantedRun, place: Place) -> tuple[str, ...]:
    """What of an existing run is not as wanted and cannot be changed in it; none: it may stay."""
    is_as_wanted = {
        "name": existing.name == wanted.name,
        "owner": existing.origin == wanted.origin,
        "pipeline version": existing.place.version_id == place.version_id,
        "experiment": existing.place.experiment_id == place.experiment_id,
        "parameters": _given(existing.parameters) == _given(wanted.parameters),
        "schedule": existing.trigger == wanted.trigger and not existing.ends,
        "service account": wanted.service_account in ("", existing.service_account),
        "catch-up": existing.no_catchup,
        "concurrency": existing.max_concurrency == 1,
    }
    return tuple(name for name, is_so in is_as_wanted.items() if not is_so)


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value != ""}
