"""A shop with twelve days of orders, warmer every day, written as plan and examples artifacts."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import (
    LINEAGE,
    MODEL_FILES,
    PLAN,
    SCHEMA,
    Lineage,
    ModelColumn,
    SourceState,
    SpanCount,
)
from components.core.plan import Champion, Plan, Purpose, Windows
from components.core.spans import SpanKind, TimeInterval, spans_between
from components.core.spec import load_spec
from components.core.verdict import Verdict
from components.data.validate.run import ValidationPaths, validate

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS, ROWS = 12, 400
NEWEST = "2024-01-12"
SPEC = """
name: shop
data:
  primary: {{uri: "{folder}/orders/{{day}}.parquet", event_time: at, key: [order]}}
  external:
    weather: {{uri: w.parquet, on: [place], event_time: seen, known_after: 1h, max_age: 3h}}
label: {{column: back, known_after: 6h, name: returned}}
rules: [{{null_if: weather.temp > 60}}]
history: {{min_spans: 3, min_rows: 2000, min_per_class: 500, min_labelled: 90%, max_age: 2d}}
serving: {{log: "{folder}/log"}}
"""
COLUMNS = (
    ModelColumn(name="place", source="place", kind="category"),
    ModelColumn(name="km", source="km", kind="number"),
    ModelColumn(name="weather_temp", source="weather.temp", kind="number"),
    ModelColumn(name="gust", source="gust", kind="number"),
)
SCHEMA_TEXT = """
feature { name: "place" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "km" type: INT int_domain { min: 0 max: 1000 } presence { min_fraction: 1.0 } }
feature { name: "weather_temp" type: FLOAT presence { min_fraction: 0.3 } }
feature { name: "gust" type: FLOAT presence { min_fraction: 0.05 } }
feature { name: "returned" type: INT int_domain { min: 0 max: 1 } }
feature { name: "elsewhere" type: INT presence { min_fraction: 1.0 } }
"""
Change = Callable[[pa.Table], pa.Table]


def day_of(index: int) -> pa.Table:
    """The orders of one day, the same at every call."""
    random = np.random.default_rng(index)
    place = random.choice([*"abcde"], ROWS)
    seconds = np.sort(random.integers(0, 86_400, ROWS))
    at = [START + index * DAY + timedelta(seconds=int(s)) for s in seconds]
    gust = np.where(random.random(ROWS) < 0.7, np.nan, random.gamma(3, 5, ROWS))
    return pa.table(
        {
            "order": pa.array(np.arange(ROWS) + index * ROWS),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "place": pa.array(place),
            "km": pa.array(random.choice(np.arange(40) * 7.0 + 30, ROWS)),
            "weather_temp": pa.array(10 + 2.0 * index + random.normal(0, 3, ROWS)),
            "gust": pa.array(gust, from_pandas=True),
            "returned": pa.array((random.random(ROWS) < 0.3).astype(np.int8)),
        }
    )


def plan_of(folder: Path, champion: Champion | None = None, spec: str = SPEC) -> Plan:
    """A plan as of 13 January: 5 January is the reference, 11 and 12 January are recent."""
    as_of = START + DAYS * DAY
    whole = TimeInterval(start=START, end=as_of)

    def days(first: int, end: int) -> TimeInterval:
        return TimeInterval(start=START + first * DAY, end=START + end * DAY)

    return Plan(
        purpose=Purpose.TRAIN,
        spec=load_spec(spec.format(folder=folder)),
        as_of=as_of,
        version="v1",
        spans=tuple(span.name for span in spans_between(SpanKind.DAY, START, as_of)),
        columns=COLUMNS,
        features=(),
        windows=Windows(
            train=(days(0, 4), days(5, 10)),
            recent=(days(10, 12),),
            reference=(days(4, 5),),
            labels_until=as_of,
            watch=whole,
            before=whole,
        ),
        champion=champion,
        digests={"schema": "s"},
    )


def lineage_of(of: Plan, **changed: object) -> Lineage:
    """What prepare would say of all days."""
    counts = [
        SpanCount(
            span=name,
            rows=ROWS + 10,
            due=ROWS + 10,
            labelled=ROWS,
            positives=120,
            joined={"weather": ROWS},
            refused={"weather.temp > 60": 1 if name == NEWEST else 0},
            duplicates=0,
        )
        for name in of.spans
    ]
    facts: dict[str, object] = {
        "plan": of.digest,
        "sources": (),
        "spans": tuple(counts),
        "external": (SourceState(name="weather", newest="2024-01-12T22:00:00Z", future_rows=0),),
        "newest": "2024-01-12T23:59:00Z",
        "splits": {"train": 9 * ROWS, "recent": 2 * ROWS, "reference": ROWS},
        "digest": "e",
    }
    return Lineage.model_validate({**facts, **changed})


def write(
    folder: Path,
    plan: Plan,
    lineage: Lineage | None = None,
    changes: Mapping[int, Change] | None = None,
    schema: str | None = SCHEMA_TEXT,
) -> ValidationPaths:
    """Writes the artifacts that validate reads; `changes` are made to single days."""
    names = ("plan", "examples", "statistics", "verdict", "report.html")
    folders = ValidationPaths(*(folder / name for name in names))
    plan.write(folders.plan / PLAN)
    (lineage or lineage_of(plan)).write(folders.examples / LINEAGE)
    if schema is not None:
        (folders.plan / MODEL_FILES).mkdir()
        (folders.plan / MODEL_FILES / SCHEMA).write_text(schema)
    for index in range(DAYS):
        split = "reference" if index == 4 else "recent" if index >= 10 else "train"
        table = (changes or {}).get(index, lambda same: same)(day_of(index))
        (folders.examples / split).mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folders.examples / split / f"{plan.spans[index]}.parquet")
    return folders


def judged(folder: Path, **given: object) -> Verdict:
    """The verdict on the shop, changed as one likes; `plan` may be given too."""
    plan = given.pop("plan", None) or plan_of(folder)
    return validate(write(folder, plan, **given), "run-1")


def failures(verdict: Verdict) -> set[tuple[str, str]]:
    """The codes and subjects that decided."""
    return {(finding.code, finding.subject) for finding in verdict.failures}


def replaced(column: str, values: Callable[[np.ndarray], object]) -> Change:
    """A change of one column; numbers with missing as NaN, categories as objects."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        made = pa.array(values(table[column].to_numpy()), from_pandas=True)
        return table.set_column(place, column, made)

    return change
