"""Instants as requests write them: seconds since 1970 UTC, or ISO 8601 text."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from components.core.spans import parse_instant
from components.model.serve.datatypes import SENTENCES
from components.model.serve.refusal import Refusal, shown

TYPE = pa.timestamp("us", tz="UTC")
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799  # years 1 and 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def read_instants(name: str, cells: Sequence[int | str | None]) -> pa.Array:
    """Reads a column of instants, each cell an integer, a string or None.

    Returns:
        ``timestamp[us, UTC]``; null where the cell is None.

    Raises:
        Refusal: A cell is no instant of the years 1 to 9999.
    """
    kinds = set(map(type, cells))
    try:
        if kinds == {int}:
            seconds = np.array(cells, dtype=np.int64)
            if seconds.min() >= _FIRST_S and seconds.max() <= _LAST_S:
                return pa.array(seconds * 1_000_000).cast(TYPE)
        elif kinds == {str}:
            return pa.array(cells, type=pa.string()).cast(TYPE)
    except (OverflowError, pa.ArrowInvalid):
        pass  # read one by one: instants without a zone, and the cell that is to blame
    micros = [_microseconds(name, row, cell) for row, cell in enumerate(cells)]
    return pa.array(micros, type=pa.int64()).cast(TYPE)


def _microseconds(name: str, row: int, cell: int | str | None) -> int | None:
    if cell is None:
        return None
    try:
        if isinstance(cell, str):
            return (parse_instant(cell) - _EPOCH) // _MICROSECOND
        if _FIRST_S <= cell <= _LAST_S:
            return cell * 1_000_000
    except (ValueError, OverflowError):
        pass
    hint = "These may be milliseconds." if isinstance(cell, int) and cell > _LAST_S else ""
    where = f"column {name}, row {row}"
    raise Refusal(where, shown(cell), SENTENCES["timestamp"] + ", years 1 to 9999", hint)
