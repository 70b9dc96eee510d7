"""``gates``: what a challenger must prove before it may serve."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.core.spec.part import Column, Part, Shape, fault


class Margin(Part):
    """Not worse than the champion by more than this, in the metric's own unit."""

    not_worse_by: float = Field(ge=0)


Change = Literal["better"] | Margin


def _recent() -> dict[str, Change]:
    return {"log_loss": "better"}


def _reference() -> dict[str, Change]:
    return {"log_loss": Margin(not_worse_by=0.005), "auc": Margin(not_worse_by=0.01)}


class Slice(Part):
    """A part of the holdout with floors of its own, for every value of a column."""

    by: Column = Field(description="The column whose values make the slices.")
    floors: dict[str, float] = Field(description="Metric to the least (or most) that is accepted.")
    rows: int = Field(500, ge=1, description="A smaller slice is shown but not judged.")


_Behaviour = Annotated[
    str,
    Shape(r"[A-Za-z0-9_-]+\.ya?ml", "a YAML file of the model's folder, such as behaviour.yaml"),
]


class Gates(Part):
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
        default_factory=_recent,
        description="Change against the champion on the newest days.",
    )
    reference: dict[str, Change] = Field(
        default_factory=_reference,
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
                raise fault(name, "nothing", "a metric at least; a gate must judge something")
        return self
