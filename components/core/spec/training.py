"""``history``, ``split``, ``window``, ``model`` and ``gates``: what is learned, and proved."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.core.spec.base import Column, SpecModel, TextPattern, field_error
from components.core.units import Duration, Share

_WINDOW = re.compile(r"last ([1-9]\d*) spans?")
_EVERY = re.compile(r"every ([2-9]|[1-9]\d+)(?:st|nd|rd|th)? week")


class History(SpecModel):
    """What must be there before anyone trains."""

    min_spans: int = Field(3, ge=1, description="Spans with rows.")
    min_rows: int = Field(1_000, ge=1, description="Labelled rows to train on.")
    min_per_class: int = Field(100, ge=1, description="Rows of each class.")
    min_labelled: Share = Field(0.8, description="Share of rows, old enough, that have a label.")
    max_age: Duration = Field(timedelta(days=45), description="Age of the newest row at as_of.")


class Split(SpecModel):
    """Two holdouts, both cut by time."""

    recent: Duration = Field(
        timedelta(days=10), description="The newest labelled days: a challenger must be better."
    )
    reference: Annotated[
        str, TextPattern(_EVERY.pattern, "every Nth week, N at least 2, such as every 5th week")
    ] = Field(
        "every 5th week",
        description="Weeks that no model ever trains on: a challenger must not have forgotten.",
    )

    @field_validator("recent")
    @classmethod
    def _is_something(cls, recent: timedelta) -> timedelta:
        if not recent:
            raise ValueError("a duration that is not zero")
        return recent

    @property
    def reference_weeks(self) -> int:
        """N of every Nth week."""
        match = _EVERY.fullmatch(self.reference)
        assert match is not None  # the field's pattern
        return int(match[1])


def _check_window(text: object) -> object:
    if text != "expanding" and not _WINDOW.fullmatch(str(text)):
        raise ValueError("expanding, or last N spans")
    return text


Window = Annotated[str, BeforeValidator(_check_window)]


def window_spans(window: str) -> int | None:
    """N of ``last N spans``; None for an expanding window."""
    match = _WINDOW.fullmatch(window)
    return int(match[1]) if match else None


_Module = Annotated[
    str,
    TextPattern(r"[A-Za-z_][A-Za-z0-9_]*\.py", "a file of the model's folder, such as model.py"),
]


class Network(SpecModel):
    """A built-in network, or the user's own by `module`."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (64, 32), description="Units of each hidden layer."
    )
    numbers: Literal["quantiles", "normalised"] = Field(
        "quantiles",
        description="Numbers by their place between quantiles, or as standard deviations alone.",
    )
    buckets: int = Field(8, ge=1, description="Stretches between the quantiles of a number.")
    embedding: int = Field(8, ge=1, description="Width of an embedding.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of hidden units dropped.")
    max_epochs: int = Field(
        3, ge=1, description="Most passes over the rows; held-out blocks of time say how many."
    )
    batch_size: int = Field(2_048, ge=1, description="Most rows in a step.")
    learning_rate: float = Field(0.008, gt=0, description="At the start; it falls to 0.")
    seed: int = Field(17, ge=0, description="Same seed, same data: same model.")
    module: _Module | None = Field(
        None,
        description="A file of the model's folder with build_model(spec, columns, statistics).",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        fields = type(self).model_fields
        network = ("dropout", "embedding", "hidden", "numbers")
        # By value and not by what was set: a plan carries every default and is read again.
        changed = [name for name in network if getattr(self, name) != fields[name].default]
        if self.module and changed:
            given = f"beside {', '.join(changed)}"
            raise field_error(
                "module", given, "one of the two, for a module builds the whole network"
            )
        return self


class Margin(SpecModel):
    """Not worse than the champion by more than this, in the metric's own unit."""

    not_worse_by: float = Field(ge=0)


Change = Literal["better"] | Margin


class Slice(SpecModel):
    """A part of the holdout with floors of its own, for every value of a column."""

    by: Column = Field(description="The column whose values make the slices.")
    floors: dict[str, float] = Field(description="Metric to the least (or most) that is accepted.")
    min_rows: int = Field(500, ge=1, description="A smaller slice is shown but not judged.")


_Behaviour = Annotated[
    str,
    TextPattern(
        r"[A-Za-z0-9_-]+\.ya?ml", "a YAML file of the model's folder, such as behaviour.yaml"
    ),
]


class Gates(SpecModel):
    """The model gate; each metric's direction is known to the task."""

    block: Literal["day", "hour", "week"] = Field(
        "day", description="Rows of one block are not independent; intervals resample blocks."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(1_000, ge=200, description="Bootstrap resamples.")
    floors: dict[str, float] = Field(
        default_factory=lambda: {"auc": 0.6},
        description="Metric to the worst accepted value, on both holdouts.",
    )
    recent: dict[str, Change] = Field(
        default_factory=lambda: dict[str, Change](log_loss="better"),
        description="Change against the champion on the newest days.",
    )
    reference: dict[str, Change] = Field(
        default_factory=lambda: dict[str, Change](
            log_loss=Margin(not_worse_by=0.005), auc=Margin(not_worse_by=0.01)
        ),
        description="Change against the champion on the reference weeks.",
    )
    slices: tuple[Slice, ...] = ()
    behaviour: _Behaviour | None = Field(
        None, description="A file of the model's folder with behaviour tests."
    )
    approval: Literal["none", "required"] = Field(
        "none", description="required: a promotion is proposed and waits for a person."
    )

    @model_validator(mode="after")
    def _judges_something(self) -> Self:
        for name in ("floors", "recent", "reference"):
            if not getattr(self, name):
                raise field_error(name, "nothing", "a metric at least; a gate must judge something")
        return self
