"""Golden rows: varied rows whose predictions every later copy of the model must reproduce."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.core.artifacts import Golden, ModelColumn

MAX_ROWS = 64
_MAX_ALTERED = 24
_TOLERANCE = 1e-5  # float32 sums differ by the number of rows in a call
_UNSEEN = "never seen in training"

Cell = float | int | str | None
Inputs = Mapping[str, np.ndarray]


def select_golden_rows(
    inputs: Inputs, probability: np.ndarray, columns: Sequence[ModelColumn]
) -> dict[str, np.ndarray]:
    """Selects rows from the least to the most probable, and alters some of them.

    Each number and category is missing in one row, and each category is an unseen word in one.
    The inputs are those of `inputs_of`, the probability is float64 [n].

    Returns:
        Raw column to array [at most 64].
    """
    order = np.argsort(probability, kind="stable")
    at = np.linspace(0, len(order) - 1, min(MAX_ROWS, len(order))).round().astype(int)
    rows = {name: np.copy(values[order[at]]) for name, values in inputs.items()}
    altered = range(0, len(at), max(1, len(at) // _MAX_ALTERED))
    for turn, (name, value) in enumerate(_alterations(columns)):
        rows[name][altered[turn % len(altered)]] = value
    return rows


def make_golden(rows: Inputs, probability: np.ndarray) -> Golden:
    """The record of golden rows [n] and their probabilities [n]."""
    columns = {name: tuple(_cell(v) for v in values.tolist()) for name, values in rows.items()}
    answers = tuple(float(p) for p in probability)
    return Golden(columns=columns, probability=answers, tolerance=_TOLERANCE)


def golden_inputs(golden: Golden, columns: Sequence[ModelColumn]) -> dict[str, np.ndarray]:
    """The recorded rows as a model takes them: raw column to array [n]."""
    return {c.name: _array(golden.columns[c.name], c.kind) for c in columns}


def _alterations(columns: Sequence[ModelColumn]) -> list[tuple[str, float | str]]:
    categories = [c.name for c in columns if c.kind == "category"]
    numbers = [c.name for c in columns if c.kind == "number"]
    return [
        *((name, _UNSEEN) for name in categories),
        *((name, float("nan")) for name in numbers),
        *((name, "") for name in categories),
    ]


def _cell(value: float | int | str) -> Cell:
    return None if value == "" or value != value else value


def _array(values: Sequence[Cell], kind: str) -> np.ndarray:
    if kind == "number":
        return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
    if kind == "category":
        return np.array(["" if v is None else v for v in values], dtype=object)
    return np.array(values, dtype=np.int64)
