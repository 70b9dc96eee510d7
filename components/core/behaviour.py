"""``behaviour.yaml``: what a model must do whatever its metrics say, closed to unknown words.

::

    invariance:                     # changing this must not matter
      - {name: the branch does not matter, column: branch, values: [a, b], tolerance: 0.1}
    direction:                      # more of this must mean more, or less, of that
      - {name: debt makes it riskier, column: debt, add: 1000, effect: raises}
    minimum:                        # what must be known for certain
      - {name: the young are riskier, where: {age: {below: 20}}, at_least: 0.2}
      - {name: the rare kind is ranked, where: {kind: [x]}, metric: {auc: 0.55}, min_rows: 50}
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.core.spec import SpecModel
from components.core.spec.base import Source
from components.core.spec.errors import parse_fields
from components.core.spec.load import read_mapping
from components.core.units import Duration, Share

# Retired words by their path, with the new word.
RETIRED = {
    "invariance.rows": "max_rows",
    "invariance.share": "min_share",
    "direction.rows": "max_rows",
    "direction.share": "min_share",
    "direction.by": "min_change",
    "minimum.rows": "min_rows",
}

Value = float | str | None
Rows = Annotated[int, Field(ge=1)]


class Range(SpecModel):
    """Numbers from `at_least` on and below `below`."""

    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.at_least is None and self.below is None:
            raise ValueError("a range has at_least, below or both")
        return self


Where = dict[Source, Range | tuple[Value, ...] | Value]


class Invariance(SpecModel):
    """Giving a column each of some values must not move the probability."""

    name: str = Field(description="What is tested, for the report.")
    column: Source = Field(description="A raw column of the model.")
    values: tuple[Value, ...] = Field(min_length=2, description="null stands for missing.")
    tolerance: float = Field(gt=0, le=1, description="Most that a row's probability may move.")
    min_share: Share = Field(1.0, description="Share of the rows for which that must hold.")
    where: Where = Field(default_factory=dict, description="Only rows like these.")
    max_rows: Rows = Field(1_000, description="Most rows tried, evenly over time.")


class Direction(SpecModel):
    """Adding to a column must raise, or lower, the probability."""

    name: str = Field(description="What is tested, for the report.")
    column: Source = Field(description="A raw column of the model: a number or a timestamp.")
    add: float | Duration = Field(description="How much; a duration such as 3h for a timestamp.")
    effect: Literal["raises", "lowers"]
    min_change: float = Field(0.0, ge=0, le=1, description="The mean change must be above this.")
    min_share: Share | None = Field(None, description="Least share of rows that change so.")
    where: Where = Field(default_factory=dict, description="Only rows like these.")
    max_rows: Rows = Field(1_000, description="Most rows tried, evenly over time.")

    @model_validator(mode="after")
    def _adds_something(self) -> Self:
        if not self.add:
            raise ValueError("add is 0, which changes nothing")
        return self


class Minimum(SpecModel):
    """What must hold on the rows given, or on the holdout rows that a filter finds."""

    name: str = Field(description="What is tested, for the report.")
    given: tuple[dict[Source, Value], ...] = Field(
        (), description="Rows written out; a column left out is missing. Each must hold."
    )
    where: Where = Field(default_factory=dict, description="Holdout rows; their mean must hold.")
    at_least: Share | None = Field(None, description="Least probability.")
    at_most: Share | None = Field(None, description="Most probability.")
    metric: dict[str, float] = Field(
        default_factory=dict, description="Metric to floor, on the rows that the filter finds."
    )
    min_rows: Rows = Field(1, description="Fewer rows found: the test fails.")

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.at_least is None and self.at_most is None and not self.metric:
            raise ValueError("a minimum has at_least, at_most or metric")
        if self.given and (self.where or self.metric):
            raise ValueError("rows given have no label: no where and no metric beside them")
        return self


class Behaviour(SpecModel):
    """The behaviour tests of a model."""

    invariance: tuple[Invariance, ...] = ()
    direction: tuple[Direction, ...] = ()
    minimum: tuple[Minimum, ...] = ()

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if not (self.invariance or self.direction or self.minimum):
            raise ValueError("there is no test in it; a gate that judges nothing must not pass")
        return self


def load_behaviour(text: str, where: str) -> Behaviour:
    """Reads and checks behaviour tests.

    Raises:
        InputError: The text is not YAML or not behaviour tests; every problem is named.
    """
    return parse_fields(Behaviour, read_mapping(text, where), where, RETIRED)
