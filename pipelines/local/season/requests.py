"""From a table of examples to the requests that ask for them, in order of event time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from pipelines.local.season.settings import Grouping

_DATATYPES = {"i": "INT64", "u": "INT64", "f": "FP64", "b": "BOOL", "M": "INT64"}


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
    ordered = table.sort_values([event_time, *grouping.by], kind="stable").reset_index(drop=True)
    slot = ordered[event_time].dt.floor(f"{int(grouping.every.total_seconds())}s")
    groups = ordered.groupby(
        [slot, *(ordered[column] for column in grouping.by)], sort=True, dropna=False
    )
    return tuple(
        Request(
            at=rows[event_time].iloc[0].to_pydatetime(),
            rows=len(rows),
            body=_body(f"{name}-{number:06d}", rows),
        )
        for number, (_, rows) in enumerate(groups, start=1)
    )


def _body(request_id: str, rows: pd.DataFrame) -> bytes:
    inputs = [_tensor(str(column), rows[column]) for column in rows.columns]
    return json.dumps({"id": request_id, "inputs": inputs}).encode()


def _tensor(name: str, values: pd.Series) -> dict[str, object]:
    """One column as a tensor of shape [rows]; a missing value is null, an instant its seconds."""
    datatype = _DATATYPES.get(values.dtype.kind, "BYTES")
    data: Sequence[object]
    if values.dtype.kind == "M":
        data = values.astype("datetime64[s, UTC]").astype("int64").tolist()
    else:
        data = values.astype(object).where(values.notna(), None).tolist()
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": data}
