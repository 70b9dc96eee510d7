"""Cells of a request as arrays: numbers, categories and key columns."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.model.serve.datatypes import SENTENCES
from components.model.serve.refusal import Refusal, shown


def read_numbers(cells: Mapping[str, Sequence[float | None]], rows: int) -> npt.NDArray[np.float64]:
    """Reads the number columns.

    Returns:
        float64 [columns, rows]; NaN where the cell is None.

    Raises:
        Refusal: A number is infinite, or so as the float32 that the model reads.
    """
    try:
        table = np.array(list(cells.values()), dtype=np.float64).reshape(len(cells), rows)
    except OverflowError:
        table = np.array([[_clipped(cell) for cell in column] for column in cells.values()])
    with np.errstate(over="ignore"):
        infinite = np.isinf(table.astype(np.float32))
    if infinite.any():
        column, row = (int(place[0]) for place in np.nonzero(infinite))
        name = list(cells)[column]
        where, accepted = f"column {name}, row {row}", f"{SENTENCES['number']} (32-bit range)"
        raise Refusal(where, shown(cells[name][row]), accepted)
    return table


def read_category(cells: Sequence[object]) -> list[str]:
    """Reads a category column; ``""`` where the cell is None."""
    if {str}.issuperset(map(type, cells)):
        return list(cells)  # type: ignore[arg-type]
    return [_text(cell) for cell in cells]


def read_keys(name: str, cells: Sequence[int | str | None]) -> pa.Array:
    """Reads a key column that the model does not read.

    Returns:
        int64 where every cell is an integer or None, else string; null where the cell is None.
    """
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):  # both types, or an integer over 64 bits
        return pa.array([None if cell is None else str(cell) for cell in cells], type=pa.string())


def _clipped(cell: float | None) -> float:
    try:
        return np.nan if cell is None else float(cell)
    except OverflowError:
        return np.inf


def _text(cell: object) -> str:
    """As Arrow casts to strings, which is how the examples were made: 12, 12.0 and true."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return str(pa.scalar(cell).cast(pa.string()).as_py())
