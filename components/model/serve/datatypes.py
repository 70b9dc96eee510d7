"""The datatypes of the v2 protocol, and which of them each kind of column takes."""

from collections.abc import Mapping
from types import NoneType

FLOATS = frozenset({"FP16", "FP32", "FP64"})
INTEGERS = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
KEY = "key"

ACCEPTED: Mapping[str, frozenset[str]] = {
    "number": FLOATS | INTEGERS | {"BOOL"},
    "category": FLOATS | INTEGERS | {"BOOL", "BYTES"},
    "timestamp": INTEGERS | {"BYTES"},
    KEY: INTEGERS | {"BYTES"},
}
SENTENCES: Mapping[str, str] = {
    "number": "a finite number, true, false, or null where it is missing",
    "category": "a string, a number, true, false, or null where it is missing",
    "timestamp": "integer seconds since 1970 UTC, or an ISO 8601 string",
    KEY: "an integer, a string, or null where it is not known",
}
_JSON: Mapping[str, frozenset[type]] = {
    "number": frozenset({float, int, bool, NoneType}),
    "category": frozenset({str, float, int, bool, NoneType}),
    "timestamp": frozenset({int, str, NoneType}),
    KEY: frozenset({int, str, NoneType}),
}


def cell_types(kind: str, datatype: str | None) -> frozenset[type]:
    """The Python types that the cells of a column may have.

    Args:
        kind: ``number``, ``category``, ``timestamp`` or ``key``.
        datatype: The tensor's; None for v1, where a cell has the type that JSON gives it.
    """
    if datatype is None:
        return _JSON[kind]
    if datatype in FLOATS:
        return frozenset({float, int, NoneType})
    if datatype in INTEGERS:
        return frozenset({int, NoneType})
    return frozenset({bool if datatype == "BOOL" else str, NoneType})
