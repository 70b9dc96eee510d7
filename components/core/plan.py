"""The plan: everything that a run decides at its start, which every other step reads."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from components.core.artifacts import MODEL_FILES, PLAN, ModelColumn, Record
from components.core.digest import digest_of
from components.core.spans import Instant, Span, TimeInterval
from components.core.spec import Derive, Spec


class Purpose(StrEnum):
    """Which pipeline a plan is for."""

    TRAIN = "train"
    MONITOR = "monitor"


class PlannedFeature(Record):
    """A feature, fully resolved.

    Attributes:
        kind: ``number``, ``category`` or ``timestamp``, of what the network sees.
        derive: How the graph computes it; None if it is the column itself.
        columns: The raw columns that it reads.
        zone: The IANA zone that hours and days are read in.
    """

    name: str
    kind: str
    derive: Derive | None
    columns: tuple[str, ...]
    zone: str


class Champion(Record):
    """What serves now: its model folder with that folder's digest, and the run that deployed it."""

    version: str
    uri: str
    digest: str
    run: str
    as_of: Instant


class Windows(Record):
    """The windows that event time is split into.

    Attributes:
        train: What is trained on: the window without holdouts.
        recent: The newest labelled days.
        reference: The weeks that no model ever trains on, over the whole history.
        labels_until: Labels of examples before this instant must be known at `as_of`.
        watch: The window of live predictions that monitoring judges.
        before: The window before that one.
        labelled: The window whose labels judge performance: `watch`, or one as long and so much
            earlier that its labels are due; `watch` by default.
    """

    train: tuple[TimeInterval, ...]
    recent: tuple[TimeInterval, ...]
    reference: tuple[TimeInterval, ...]
    labels_until: Instant
    watch: TimeInterval
    before: TimeInterval
    labelled: TimeInterval = Field(default_factory=lambda found: found["watch"])

    @property
    def is_late(self) -> bool:
        """Whether performance is judged on an earlier window than the one that is watched."""
        return self.labelled != self.watch


class Plan(Record):
    """``plan.json``.

    Attributes:
        spec: The spec, overlay and target applied.
        as_of: The instant of the run; no step asks the clock what day it is.
        version: The version that a model trained by this plan gets.
        spans: Names of the spans with data before `as_of`, oldest first.
        features: The features, resolved with the schema.
        champion: What serves now; None if nothing does.
        digests: ``spec``, ``schema``, ``files`` (the model's folder).
    """

    purpose: Purpose
    spec: Spec
    as_of: Instant
    version: str
    spans: tuple[str, ...]
    columns: tuple[ModelColumn, ...]
    features: tuple[PlannedFeature, ...]
    windows: Windows
    champion: Champion | None
    digests: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> "Plan":
        """Reads the plan of a plan artifact."""
        return cls.read(folder / PLAN)

    @property
    def digest(self) -> str:
        """The digest that identifies this plan."""
        return digest_of(self.model_dump(mode="json", by_alias=True))

    @property
    def time_spans(self) -> tuple[Span, ...]:
        """The spans by their names."""
        return tuple(Span.parse(self.spec.data.span, name) for name in self.spans)


def model_file(folder: Path, name: str) -> Path:
    """A file of the model's folder as the plan artifact carries it."""
    return folder / MODEL_FILES / name
