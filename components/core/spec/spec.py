"""The model spec: the one file that everything a step decides comes from."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.core.spec.data import Data
from components.core.spec.features import Feature, Label, Rule
from components.core.spec.gates import Gates
from components.core.spec.learning import History, Network, Split, Window
from components.core.spec.operation import Monitoring, Retraining, Serving
from components.core.spec.part import Name, Part, column_of
from components.core.spec.rules import parse_rule


class Owner(Part):
    """Who answers for the model, and who is told of what."""

    team: str
    tell: dict[str, str] = Field(default_factory=dict, description="Duty to webhook URL.")


class Spec(Part):
    """A model spec."""

    name: Name = Field(description="Names the model everywhere: a DNS label.")
    description: str = Field("", description="The question that the model answers.")
    owner: Owner | None = None
    task: Literal["binary"] = Field("binary", description="The kind of answer.")
    schema_file: str = Field(
        "schema.pbtxt",
        alias="schema",
        pattern=r"^[A-Za-z0-9_.-]+\.pbtxt$",
        description="The committed schema, a file of the model's folder.",
    )
    data: Data
    label: Label
    features: tuple[Feature, ...] = Field(
        (), description="Default: every column of the schema that is not known only later."
    )
    rules: tuple[Rule, ...] = ()
    history: History = History()
    split: Split = Split()
    window: Window = Field("expanding", description="expanding, or last N spans.")
    model: Network = Network()
    gates: Gates = Gates()
    serving: Serving
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()
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
    def _no_feature_from_the_future(self) -> Self:
        for feature in self.features:
            late = sorted(self.never_features.intersection(feature.sources))
            if late:
                raise ValueError(
                    f"features: {feature.name} reads {', '.join(late)}, which is known only after "
                    f"the event (data.primary.known_later or the label's own column); remove it"
                )
        return self

    @model_validator(mode="after")
    def _sources_are_declared(self) -> Self:
        named = [(f"features: {f.name}", s) for f in self.features for s in f.sources]
        rules = [parse_rule(rule.refuse_value) for rule in self.rules]
        named += [(f"rules: {rule.text}", rule.source) for rule in rules]
        for place, source in named:
            table, dot, _ = source.partition(".")
            if dot and table not in self.data.external:
                known = ", ".join(sorted(self.data.external)) or "none"
                raise ValueError(f"{place}: {table!r} is not a source of data.external ({known})")
        return self

    @model_validator(mode="after")
    def _names_are_single(self) -> Self:
        names = [f.name for f in self.features]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"features: {', '.join(twice)} stands more than once")
        columns: dict[str, str] = {}
        for source in (s for f in self.features for s in f.sources):
            if columns.setdefault(column_of(source), source) != source:
                raise ValueError(
                    f"features: {columns[column_of(source)]} and {source} would both become the "
                    f"column {column_of(source)}; rename one of them at its source"
                )
        return self
