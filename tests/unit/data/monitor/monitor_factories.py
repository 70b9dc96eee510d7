"""A small lender: a champion's folder, ten days of answers a window, and labels as one likes.

Every day has 100 rows, 50 answered 0.2 and 50 answered 0.8. In a calm world 10 and 40 of them are
positive: AUC .8 * .8 + .5 * 2 * .8 * .2 = .8, Brier score .16, calibration error 0.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import (
    LIMITS,
    MODEL_CARD,
    PLAN,
    SCHEMA,
    STATISTICS,
    BlockScore,
    Limits,
    ModelCard,
    ModelColumn,
    SplitName,
)
from components.core.plan import Champion, Plan, Purpose, Windows
from components.core.spans import SpanKind, TimeInterval, spans_between
from components.core.spec import load_spec
from components.data.observe.prediction_log import INSTANT, LOG_FIELDS
from components.data.schema.statistics import statistics_of, write_statistics

AS_OF = datetime(2024, 3, 21, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = 10 * DAY
CALM = (10, 40)
MOVED = (0, 30)  # rates 0 and .6 where .2 and .8 was said: calibration error .2, AUC 7/8
COLUMNS = (
    ModelColumn(name="amount", source="amount", kind="number"),
    ModelColumn(name="town", source="town", kind="category"),
    ModelColumn(name="asked_at", source="asked_at", kind="timestamp"),
)
SCHEMA_TEXT = """
feature { name: "amount" type: INT presence { min_fraction: 0.5 } }
feature { name: "town" type: BYTES presence { min_fraction: 0.5 } }
feature { name: "asked_at" type: INT presence { min_fraction: 1.0 } }
feature { name: "bad" type: INT }
"""
BLOCKS = (
    {"auc": 0.70, "log_loss": 0.60, "brier": 0.20, "calibration_error": 0.02, "rate": 0.5},
    {"auc": 0.75, "log_loss": 0.55, "brier": 0.19, "calibration_error": 0.03, "rate": 0.5},
    {"auc": 0.80, "log_loss": 0.50, "brier": 0.18, "calibration_error": 0.05, "rate": 0.5},
)


def make_plan(root: Path, spec: str = "", as_of: datetime = AS_OF) -> Plan:
    text = f"""
name: lender
data:
  primary: {{uri: "{root}/loans/{{day}}.parquet", event_time: asked_at, key: [loan]}}
label: {{column: bad, known_after: 1h}}
features:
  - {{name: amount, kind: number}}
  - {{name: town, kind: category}}
  - {{name: hour, derive: hour_of, from: asked_at}}
gates: {{resamples: 200}}
serving: {{log: "{root}/log"}}
{spec or "monitoring: {every: 10d, min_rows: 500}"}
"""
    spans = spans_between(SpanKind.DAY, as_of - 2 * WINDOW, as_of)
    return Plan(
        purpose=Purpose.MONITOR,
        spec=load_spec(text, where="lender"),
        as_of=as_of,
        version="next",
        spans=tuple(span.name for span in spans),
        columns=COLUMNS,
        features=(),
        windows=Windows(
            train=(),
            recent=(),
            reference=(),
            labels_until=as_of,
            watch=TimeInterval(start=as_of - WINDOW, end=as_of),
            before=TimeInterval(start=as_of - 2 * WINDOW, end=as_of - WINDOW),
        ),
        champion=Champion(
            version="v1",
            uri=str(root / "champion"),
            digest="d1",
            run="train-1",
            as_of=as_of - 30 * DAY,
        ),
        digests={},
    )


def write_plan(plan: Plan, root: Path) -> Path:
    plan.write(root / "plan" / PLAN)
    return root / "plan"


def write_champion(
    root: Path,
    blocks: Sequence[Mapping[str, float]] = BLOCKS,
    columns: tuple[ModelColumn, ...] = COLUMNS,
) -> Path:
    folder = root / "champion"
    ModelCard(
        name="lender",
        version="v1",
        method="trained",
        task="binary",
        label="bad",
        threshold=0.5,
        columns=columns,
        key=("loan",),
        event_time="asked_at",
        as_of="2024-02-20T00:00:00Z",
        run="train-1",
        digests={},
        metrics={},
        rows=2000,
    ).write(folder / MODEL_CARD)
    scores = [BlockScore(block=f"b{i}", rows=1000, metrics=m) for i, m in enumerate(blocks)]
    Limits(blocks=tuple(scores)).write(folder / LIMITS)
    (folder / SCHEMA).write_text(SCHEMA_TEXT)
    trained = live_columns(AS_OF - 30 * DAY, 1000)
    file = folder / STATISTICS.format(split=SplitName.TRAIN)
    write_statistics(statistics_of(pa.table(trained), "train"), file)
    return folder


def live_columns(start: datetime, rows: int) -> dict[str, pa.Array]:
    """Amounts 0 to 99 equally often, three towns in the proportion 5 : 3 : 2."""
    towns = ["north"] * 5 + ["south"] * 3 + ["west"] * 2
    return {
        "amount": pa.array([i % 100 for i in range(rows)], pa.int64()),
        "town": pa.array([towns[(i // 7) % 10] for i in range(rows)]),
        "asked_at": pa.array([start + i * timedelta(minutes=14) for i in range(rows)], INSTANT),
    }


def write_days(
    root: Path,
    start: datetime,
    days: int,
    positives: tuple[int, int] = CALM,
    version: str = "v1",
    labelled: bool = True,
    **changes: pa.Array,
) -> None:
    """Writes the log and the labels of some days of 100 rows."""
    for day in range(days):
        begin = start + day * DAY
        columns = {**live_columns(begin, 100), **changes}
        columns["amount"] = columns["amount"].cast(pa.float64())
        loans = [f"{begin:%m%d}-{version}-{i}" for i in range(100)]
        answers = [0.2 if i % 2 else 0.8 for i in range(100)]
        low, high = positives
        bad = [i // 2 < (low if i % 2 else high) for i in range(100)]
        fixed = {
            "request_id": [f"r-{begin:%m%d}"] * 100,
            "row": range(100),
            "logged_at": columns["asked_at"],
            "model": ["lender"] * 100,
            "version": [version] * 100,
            "latency_ms": [1.0] * 100,
            "probability": answers,
            "predicted": [int(p > 0.5) for p in answers],
        }
        log = pa.table({n: pa.array(v, LOG_FIELDS.field(n).type) for n, v in fixed.items()})
        log = log.append_column("loan", pa.array(loans))
        for name, values in columns.items():
            log = log.append_column(name, values)
        write_table(log, root / "log" / f"{begin:%Y-%m-%d}" / f"{version}-a.parquet")
        if labelled:
            own = {**columns, "loan": pa.array(loans), "bad": pa.array(bad)}
            write_table(pa.table(own), root / "loans" / f"{begin:%Y-%m-%d}.parquet")


def write_no_labels(root: Path, start: datetime, days: int) -> None:
    """The table of examples has its files, but nobody's answer is in them."""
    for day in range(days):
        begin = start + day * DAY
        columns = live_columns(begin, 100)
        own = {**columns, "loan": pa.array(["x"] * 100), "bad": pa.nulls(100, pa.bool_())}
        write_table(pa.table(own), root / "loans" / f"{begin:%Y-%m-%d}.parquet")


def write_table(table: pa.Table, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
