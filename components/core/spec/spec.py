"""The model spec: the one file that everything a step decides comes from."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.core.spec.attainable import check_attainable
from components.core.spec.base import Name, SpecModel, TextPattern, column_of, field_error
from components.core.spec.data import Data, Feature, Label, Rule, parse_rule
from components.core.spec.operation import Monitoring, RetrainingPolicy, Serving
from components.core.spec.training import Gates, History, Network, Split, Window

# The metrics by which a gate can judge each task; a test holds this to components.core.tasks,
# which computes them and needs numpy.
GATE_METRICS = {"binary": ("auc", "log_loss", "brier", "pr_auc", "calibration_error")}

# Retired words by their path, with the new word; None if the field was removed.
RETIRED: Mapping[str, str | None] = {
    "owner.tell": None,
    "data.external.*.fresh_within": "max_staleness",
    "rules.refuse_value": "null_if",
    "history.spans": "min_spans",
    "history.rows": "min_rows",
    "history.positives": "min_per_class",
    "history.labelled": "min_labelled",
    "history.newest": "max_age",
    "model.epochs": "max_epochs",
    "model.batch": "batch_size",
    "gates.slices.rows": "min_rows",
    "serving.replicas": "min_replicas",
    "serving.ready_within": "ready_timeout",
    "serving.canary.requests": "min_requests",
    "serving.canary.deadline": "timeout",
    "serving.canary.errors": "max_error_ratio",
    "serving.canary.slower": "max_latency_ratio",
    "serving.canary.latency": "max_p99",
    "serving.canary.shift": "max_prediction_shift",
    "monitoring.limits": "thresholds",
    "monitoring.calibration.limit": "max_error",
    "monitoring.rows": "min_rows",
    "monitoring.labelled": "min_labelled",
    "monitoring.oldest_model": "max_model_age",
    "monitoring.silence": "max_silence",
    "retraining.most": "budget",
}


class Owner(SpecModel):
    """Who answers for the model."""

    team: str


_SchemaFile = Annotated[
    str, TextPattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.pbtxt", "a .pbtxt file of the model's folder")
]


class Spec(SpecModel):
    """A model spec."""

    name: Name = Field(description="Names the model everywhere: a DNS label.")
    description: str = Field("", description="The question that the model answers.")
    owner: Owner | None = None
    task: Literal["binary"] = Field("binary", description="The kind of answer.")
    schema_file: _SchemaFile = Field(
        "schema.pbtxt",
        alias="schema",
        description="The committed schema, a file of the model's folder.",
    )
    data: Data
    label: Label
    features: tuple[Feature, ...] = Field(
        (),
        description="Default: every column of the schema that is not known only later, not part of "
        "the key and no instant.",
    )
    rules: tuple[Rule, ...] = ()
    history: History = History()
    split: Split = Split()
    window: Window = Field("expanding", description="expanding, or last N spans.")
    model: Network = Network()
    gates: Gates = Gates()
    serving: Serving
    monitoring: Monitoring = Monitoring()
    retraining: RetrainingPolicy = RetrainingPolicy()
    first_model: Literal["refused", "allowed"] = Field(
        "refused", description="allowed: a model may be deployed although none serves yet."
    )

    @model_validator(mode="before")
    @classmethod
    def _places_by_name(cls, spec: object) -> object:
        """Serving has a place of its own on this machine, where none is given."""
        if not isinstance(spec, dict):
            return spec
        name, serving = spec.get("name"), spec.get("serving") or {}
        if not isinstance(serving, dict):
            return spec
        places = {"target": f"local://build/{name}/serving", "log": f"build/{name}/log"}
        return {**spec, "serving": {**places, **serving}}

    @property
    def never_features(self) -> frozenset[str]:
        """Columns of the primary table that are known only after the event."""
        return frozenset((*self.data.primary.known_later, self.label.column))

    @model_validator(mode="after")
    def _nothing_from_the_future(self) -> Self:
        primary = self.data.primary
        read = {f"features.{feature.name}": feature.sources for feature in self.features}
        read |= {"data.primary.key": primary.key, "data.primary.event_time": (primary.event_time,)}
        read |= {f"data.external.{name}.on": x.on for name, x in self.data.external.items()}
        for place, columns in read.items():
            late = ", ".join(sorted(self.never_features.intersection(columns)))
            if late:
                raise field_error(
                    place,
                    f"{late}, which is known only after the event",
                    "columns known at the event: none of data.primary.known_later and not the "
                    "label's own column",
                    f"Take {late} out of {place}.",
                )
        return self

    @model_validator(mode="after")
    def _metrics_are_known(self) -> Self:
        gates, known = self.gates, GATE_METRICS[self.task]
        named: dict[str, Iterable[str]] = {
            f"slices[{i}].floors": s.floors for i, s in enumerate(gates.slices)
        }
        named |= {"floors": gates.floors, "recent": gates.recent, "reference": gates.reference}
        for place, metrics in named.items():
            for name in metrics:
                if name not in known:
                    accepted = f"a metric of the task {self.task}: {', '.join(known)}"
                    raise field_error(f"gates.{place}", name, accepted)
        return self

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        check_attainable(self)
        return self

    @model_validator(mode="after")
    def _sources_are_declared(self) -> Self:
        named = [(f"features.{f.name}", s) for f in self.features for s in f.sources]
        rules = [parse_rule(rule.null_if) for rule in self.rules]
        named += [(f"rules: {rule.text}", rule.source) for rule in rules]
        for place, source in named:
            table, dot, _ = source.partition(".")
            if dot and table not in self.data.external:
                known = ", ".join(sorted(self.data.external)) or "none"
                raise field_error(place, source, f"a source of data.external ({known})")
        return self

    @model_validator(mode="after")
    def _names_are_single(self) -> Self:
        names = [f.name for f in self.features]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise field_error("features", f"{', '.join(twice)} more than once", "each name once")
        columns: dict[str, str] = {}
        for source in (s for f in self.features for s in f.sources):
            if columns.setdefault(column_of(source), source) != source:
                raise field_error(
                    "features",
                    f"{columns[column_of(source)]} and {source}",
                    f"one of them, for both would become the column {column_of(source)}",
                    "Rename one of them at its source.",
                )
        return self
