"""Golden rows: varied rows whose answers every later copy of the model must repeat."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.core.artifacts import Golden, ModelColumn

ROWS = 64
_CHANGED = 24
_TOLERANCE = 1e-5  # float32 sums differ by the number of rows in a call
_UNSEEN = "never seen in training"

Inputs = Mapping[str, np.ndarray]


def golden_rows(
    inputs: Inputs, probability: np.ndarray, columns: Sequence[ModelColumn]
) -> dict[str, np.ndarray]:
    """Chooses rows from the least to the most probable, and spoils some of them.

    Every number and category is missing in a row, and every category has an unseen word in one.

    Args:
        inputs: Raw column to array [n], as `inputs_of` makes them.
        probability: float64 [n], by which the rows are spread.
        columns: The raw columns.

    Returns:
        Raw column to array [at most 64].
    """
    order = np.argsort(probability, kind="stable")
    at = np.linspace(0, len(order) - 1, min(ROWS, len(order))).round().astype(int)
    rows = {name: np.copy(values[order[at]]) for name, values in inputs.items()}
    spoiled = range(0, len(at), max(1, len(at) // _CHANGED))
    for turn, (name, value) in enumerate(_spoilings(columns)):
        rows[name][spoiled[turn % len(spoiled)]] = value
    return rows


def golden(rows: Inputs, probability: np.ndarray) -> Golden:
    """The record of golden rows [n] and their probabilities [n]."""
    columns = {name: tuple(_cell(v) for v in values.tolist()) for name, values in rows.items()}
    answers = tuple(float(p) for p in probability)
    return Golden(columns=columns, probability=answers, tolerance=_TOLERANCE)


def _spoilings(columns: Sequence[ModelColumn]) -> list[tuple[str, float | str]]:
    numbers: list[tuple[str, float | str]]
    numbers = [(c.name, float("nan")) for c in columns if c.kind == "number"]
    categories = [c.name for c in columns if c.kind == "category"]
    unseen: list[tuple[str, float | str]] = [(name, _UNSEEN) for name in categories]
    return [*unseen, *numbers, *((name, "") for name in categories)]


def _cell(value: float | int | str) -> float | int | str | None:
    return None if value == "" or value != value else value
