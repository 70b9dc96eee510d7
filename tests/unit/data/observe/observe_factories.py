"""A small shop: two days of examples, a plan that watches the second, and a prediction log."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import PLAN, ModelColumn
from components.core.plan import Plan, Purpose, Windows
from components.core.spans import (
    SpanKind,
    TimeInterval,
    parse_instant,
    spans_between,
)
from components.core.spec import load_spec
from components.data.observe.prediction_log import INSTANT, LOG_FIELDS

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def make_plan(
    root: Path, as_of: str = "2024-03-03", known_after: str = "2h", late: int = 0
) -> Plan:
    """The labels of the day that is so many days before the watched one are judged."""
    spec = load_spec(
        f"""
name: shop
data:
  primary: {{uri: "{root}/shop/{{day}}.parquet", event_time: seen_at, key: [customer, visit]}}
label: {{column: spent, greater_than: 10, name: bought, known_after: {known_after}}}
features: [{{name: amount, kind: number}}, {{name: colour, kind: category}}]
serving: {{log: "{root}/log"}}
""",
        where="shop",
    )
    end = parse_instant(as_of)
    day = timedelta(days=1)
    spans = spans_between(SpanKind.DAY, end - max(2, late + 1) * day, end)
    return Plan(
        purpose=Purpose.MONITOR,
        spec=spec,
        as_of=end,
        version="v2",
        spans=tuple(span.name for span in spans),
        columns=(
            ModelColumn(name="amount", source="amount", kind="number"),
            ModelColumn(name="colour", source="colour", kind="category"),
        ),
        features=(),
        windows=Windows(
            train=(),
            recent=(),
            reference=(),
            labels_until=end,
            watch=TimeInterval(start=end - day, end=end),
            before=TimeInterval(start=end - 2 * day, end=end - day),
            labelled=TimeInterval(start=end - (late + 1) * day, end=end - late * day),
        ),
        champion=None,
        digests={},
    )


def write_plan(plan: Plan, root: Path) -> Path:
    plan.write(root / "plan" / PLAN)
    return root / "plan"


def write_shop(
    root: Path, day: str, rows: Sequence[tuple[str, int, datetime, float | None]]
) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    table = pa.table(
        {
            "customer": pa.array(columns[0], pa.string()),
            "visit": pa.array(columns[1], pa.int64()),
            "seen_at": pa.array(columns[2], pa.timestamp("ns", "UTC")),
            "spent": pa.array(columns[3], pa.float64()),
            "amount": pa.array([1.0] * len(rows), pa.float64()),
            "colour": pa.array(["red"] * len(rows), pa.string()),
        }
    )
    (root / "shop").mkdir(exist_ok=True)
    pq.write_table(table, root / "shop" / f"{day}.parquet")


def logged(customer: str | None, visit: int | None, at: datetime | None, **others: Any) -> dict:
    """One row of the log, answered at once."""
    return {
        "request_id": "r1",
        "row": 0,
        "logged_at": at,
        "model": "shop",
        "version": "v1",
        "latency_ms": 1.5,
        "probability": 0.5,
        "predicted": 1,
        "customer": customer,
        "visit": visit,
        "seen_at": at,
        "amount": 1.0,
        "colour": "red",
        **others,
    }


def log_schema(**changes: pa.DataType) -> pa.Schema:
    own = {
        "customer": pa.string(),
        "visit": pa.int64(),
        "seen_at": INSTANT,
        "amount": pa.float64(),
        "colour": pa.string(),
    }
    return pa.schema([*LOG_FIELDS, *pa.schema({**own, **changes})])


def write_log(
    root: Path, name: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema | None = None
) -> Path:
    file = root / "log" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema or log_schema()), file)
    return file
