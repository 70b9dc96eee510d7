"""From a table of examples to the requests that ask for them, in order of event time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from pipelines.local.season.settings import Grouping

_DATATYPES = {"i": "INT64", "u": "INT64", "f": "FP64", "b": "BOOL", "M": "INT64"}


_SLOT = "slot of the request"


@dataclass(frozen=True)
class Tensor:
    """One column of all requests, in their order.

    Attributes:
        name: The column.
        datatype: As the protocol calls it.
        data: A cell for each example.
    """

    name: str
    datatype: str
    data: list[object]


@dataclass(frozen=True)
class Request:
    """One v2 inference request.

    Attributes:
        at: Event time of its first example.
        rows: Number of examples.
        body: The JSON document (Open Inference Protocol v2).
    """

    at: datetime
    rows: int
    body: bytes


def requests_of(
    table: pd.DataFrame, event_time: str, grouping: Grouping, name: str
) -> tuple[Request, ...]:
    """Groups examples into requests.

    Args:
        table: Raw and key columns, one row an example, without the label.
        event_time: The column that says when an example exists.
        grouping: Which examples come together.
        name: Begins every request's id, which numbers them.
    """
    slot = table[event_time].dt.floor(f"{int(grouping.every.total_seconds())}s")
    ordered = table.assign(**{_SLOT: slot})
    ordered = ordered.sort_values([_SLOT, *grouping.by, event_time], kind="stable")
    starts = _starts(ordered[[_SLOT, *grouping.by]])
    tensors = [_tensor(str(column), ordered[column]) for column in table.columns]
    instants = [at.to_pydatetime() for at in ordered[event_time].iloc[starts]]
    ends = [*starts[1:], len(ordered)]
    return tuple(
        Request(at, end - start, _body(f"{name}-{number:06d}", tensors, start, end))
        for number, (at, start, end) in enumerate(zip(instants, starts, ends, strict=True), 1)
    )


def _starts(groups: pd.DataFrame) -> list[int]:
    """Positions at which a new group begins; a missing value is a value like any other."""
    codes = groups.apply(lambda column: pd.factorize(column, use_na_sentinel=False)[0])
    changed = (codes != codes.shift()).any(axis=1)
    return [int(position) for position in changed.to_numpy().nonzero()[0]]


def _body(request_id: str, tensors: Sequence[Tensor], start: int, end: int) -> bytes:
    inputs = [
        {
            "name": tensor.name,
            "shape": [end - start],
            "datatype": tensor.datatype,
            "data": tensor.data[start:end],
        }
        for tensor in tensors
    ]
    return json.dumps({"id": request_id, "inputs": inputs}).encode()


def _tensor(name: str, values: pd.Series) -> Tensor:
    """A whole column; a missing value is null, an instant its seconds since 1970."""
    datatype = _DATATYPES.get(values.dtype.kind, "BYTES")
    if values.dtype.kind == "M":
        return Tensor(name, datatype, values.astype("datetime64[s, UTC]").astype("int64").tolist())
    data = values.astype(object).where(values.notna(), None).tolist()
    return Tensor(name, datatype, data)
