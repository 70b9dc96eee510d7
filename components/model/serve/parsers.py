"""Untrusted parts of a request as typed values: JSON bodies, ids, cells of columns.

A column's kind (``number``, ``category``, ``timestamp``, or ``key`` for one that is only logged)
decides which v2 datatypes and which JSON types its cells may have, and how they are converted.

What cannot be parsed is `InvalidInput`, for the client to mend: a 4xx status and one sentence that
says where, what was given and what is accepted. It quotes at most a line of what the client sent.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.errors import InputError
from components.core.spans import MAX_INSTANT_S, MIN_INSTANT_S, parse_instant

FLOATS = frozenset({"FP16", "FP32", "FP64"})
INTEGERS = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
KEY = "key"
DATATYPES: Mapping[str, frozenset[str]] = {
    "number": FLOATS | INTEGERS | {"BOOL"},
    "category": FLOATS | INTEGERS | {"BOOL", "BYTES"},
    "timestamp": INTEGERS | {"BYTES"},
    KEY: INTEGERS | {"BYTES"},
}
ACCEPTED_CELLS: Mapping[str, str] = {
    "number": "a finite number, true, false, or null where it is missing",
    "category": "a string, a number, true, false, or null where it is missing",
    "timestamp": "integer seconds since 1970 UTC, or an ISO 8601 string",
    KEY: "an integer, a string, or null where it is unknown",
}
TIMESTAMP = pa.timestamp("us", tz="UTC")

_FLOAT_TYPES = {"FP16": pa.float32(), "FP32": pa.float32(), "FP64": pa.float64()}
_MAX_QUOTED, _MAX_ID = 60, 128
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class InvalidInput(InputError):
    """A request that the client must change; the status is 400 to 499."""

    def __init__(
        self, where: str, given: object, accepted: str, do: str = "", status: int = 400
    ) -> None:
        super().__init__(where, given, accepted, do)
        self.status = status


def abbreviate(value: object) -> object:
    """A JSON value as an error may quote it: never longer than a line."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_QUOTED else value[:_MAX_QUOTED] + "…"
    if isinstance(value, int) and value.bit_length() >= 200:
        return "a very large integer"
    if isinstance(value, int | float | None):
        return value
    return f"a JSON {'object' if isinstance(value, dict) else 'array'}"


def parse_json(decoder: Any, body: bytes, shape: str) -> Any:
    """Decodes a JSON body by a `msgspec.json.Decoder`; NaN and Infinity are not JSON.

    Raises:
        InvalidInput: It is malformed, or of another shape than `shape` says.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput("the body", str(error), shape) from error
    except msgspec.DecodeError as error:
        raise InvalidInput("the body", str(error), f"JSON: {shape}") from error
    except UnicodeDecodeError as error:
        given = "bytes that are not UTF-8"
        raise InvalidInput("the body", given, f"JSON in UTF-8: {shape}") from error
    except RecursionError as error:
        raise InvalidInput("the body", "JSON nested too deeply", shape) from error


def parse_request_id(given: object) -> str:
    """The id that a client gave, or a new one if it gave none.

    Raises:
        InvalidInput: It is not printable text of at most 128 characters.
    """
    if given is None or given == "":
        return uuid.uuid4().hex
    if not isinstance(given, str) or len(given) > _MAX_ID or not given.isprintable():
        accepted = f"printable text of at most {_MAX_ID} characters"
        raise InvalidInput("the request's id", "something else", accepted)
    return given


def cell_types(kind: str, datatype: str | None) -> frozenset[type]:
    """The Python types that the cells of a column may have; v1 gives no datatype."""
    if datatype is None:
        return _JSON_TYPES[kind]
    if datatype in FLOATS:
        return frozenset({float, int, NoneType})
    if datatype in INTEGERS:
        return frozenset({int, NoneType})
    return frozenset({bool if datatype == "BOOL" else str, NoneType})


_JSON_TYPES: Mapping[str, frozenset[type]] = {
    kind: frozenset().union(*(cell_types(kind, datatype) for datatype in datatypes))
    for kind, datatypes in DATATYPES.items()
}


def parse_numbers(
    cells: Mapping[str, Sequence[float | None]], rows: int
) -> npt.NDArray[np.float64]:
    """Parses the number columns into float64 [columns, rows]; NaN where the cell is None.

    Raises:
        InvalidInput: A number is infinite, or becomes so as the float32 that the model reads.
    """
    try:
        table = np.array(list(cells.values()), dtype=np.float64).reshape(len(cells), rows)
    except OverflowError:
        table = np.array([[_as_float(cell) for cell in column] for column in cells.values()])
    with np.errstate(over="ignore"):
        infinite = np.isinf(table.astype(np.float32))
    if infinite.any():
        column, row = (int(place[0]) for place in np.nonzero(infinite))
        name = list(cells)[column]
        where, accepted = f"column {name}, row {row}", f"{ACCEPTED_CELLS['number']} (32-bit range)"
        raise InvalidInput(where, abbreviate(cells[name][row]), accepted)
    return table


def parse_category(cells: Sequence[object], datatype: str | None = None) -> list[str]:
    """Parses a category column; ``""`` where the cell is None or NaN."""
    if {str}.issuperset(map(type, cells)):
        return list(cells)  # type: ignore[arg-type]
    return [_as_text(cell, _FLOAT_TYPES.get(datatype or "")) for cell in cells]


def parse_keys(_: str, cells: Sequence[int | str | None]) -> pa.Array:
    """Parses a key column that is only logged: int64 if every cell is an integer, else string.

    An empty text is missing, as it is in the files that labels come from.
    """
    cells = [None if cell == "" else cell for cell in cells]
    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError):  # both types, or an integer over 64 bits
        return pa.array([None if cell is None else str(cell) for cell in cells], type=pa.string())


def parse_timestamps(name: str, cells: Sequence[int | str | None]) -> pa.Array:
    """Parses a timestamp column into ``timestamp[us, UTC]``; null where the cell is None.

    Raises:
        InvalidInput: A cell is not an instant of the years 1 to 9999.
    """
    types = set(map(type, cells))
    try:
        if types == {int}:
            seconds = np.array(cells, dtype=np.int64)
            if seconds.min() >= MIN_INSTANT_S and seconds.max() <= MAX_INSTANT_S:
                return pa.array(seconds * 1_000_000).cast(TIMESTAMP)
        elif types == {str}:
            return pa.array(cells, type=pa.string()).cast(TIMESTAMP)
    except (OverflowError, pa.ArrowInvalid):
        pass  # one by one below: text without a zone, and the cell that is to blame
    micros = [_as_microseconds(name, row, cell) for row, cell in enumerate(cells)]
    return pa.array(micros, type=pa.int64()).cast(TIMESTAMP)


def _as_microseconds(name: str, row: int, cell: int | str | None) -> int | None:
    if cell is None:
        return None
    try:
        if isinstance(cell, str):
            return (parse_instant(cell) - _EPOCH) // _MICROSECOND
        if MIN_INSTANT_S <= cell <= MAX_INSTANT_S:
            return cell * 1_000_000
    except (ValueError, OverflowError):
        pass
    hint = "These may be milliseconds." if isinstance(cell, int) and cell > MAX_INSTANT_S else ""
    accepted = ACCEPTED_CELLS["timestamp"] + ", years 1 to 9999"
    raise InvalidInput(f"column {name}, row {row}", abbreviate(cell), accepted, hint)


def _as_float(cell: float | None) -> float:
    try:
        return np.nan if cell is None else float(cell)
    except OverflowError:
        return np.inf


def _as_text(cell: object, type_: pa.DataType | None) -> str:
    """As Arrow casts to strings, which is how the examples were made: 12, 12 of 12.0, and true."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, bool | float) or type_ is not None:
        value = cell if type_ is None else _as_float(cell)  # type: ignore[arg-type]
        return str(pa.scalar(value, type_).cast(pa.string()).as_py())
    return str(cell)
