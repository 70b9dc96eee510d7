"""A generated table, its plan and its artifacts, as the steps before training leave them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import LINEAGE, PLAN, Lineage, ModelColumn
from components.core.plan import Plan, PlannedFeature, Purpose, Windows, model_file
from components.core.spans import TimeInterval
from components.core.spec import Derive, Spec
from components.model.train.run import TrainFolders

START = datetime(2024, 3, 1, tzinfo=UTC)
TRAIN_DAYS, RECENT_DAYS = 24, 4
COLUMNS = (
    ModelColumn(name="x", source="x", kind="number"),
    ModelColumn(name="paid", source="shop.paid", kind="number"),
    ModelColumn(name="owed", source="shop.owed", kind="number"),
    ModelColumn(name="c", source="c", kind="category"),
    ModelColumn(name="seen_at", source="seen_at", kind="timestamp"),
)
BERLIN = "Europe/Berlin"


def feature(
    name: str, kind: str = "number", derive: Derive | None = None, of: tuple[str, ...] = ()
) -> PlannedFeature:
    return PlannedFeature(name=name, kind=kind, derive=derive, columns=of or (name,), zone=BERLIN)


FEATURES = (
    feature("x"),
    feature("c", "category"),
    feature("hour", derive=Derive.HOUR_OF, of=("seen_at",)),
    feature("weekday", derive=Derive.DAY_OF_WEEK, of=("seen_at",)),
    feature("season", derive=Derive.DAY_OF_YEAR, of=("seen_at",)),
    feature("gap", derive=Derive.DIFFERENCE, of=("owed", "paid")),
    feature("share", derive=Derive.RATIO, of=("paid", "owed")),
    feature("much", derive=Derive.LOG1P, of=("owed",)),
)


@dataclass(frozen=True)
class TrainingSetup:
    """Where everything is, and the probability that made the labels."""

    folders: TrainFolders
    plan: Plan


def spec(base: Path, **model: object) -> Spec:
    return Spec.model_validate(
        {
            "name": "payers",
            "data": {
                "primary": {
                    "uri": "rows/{day}.parquet",
                    "event_time": "seen_at",
                    "key": ["id"],
                },
                "external": {"shop": {"uri": "shop.parquet", "on": ["id"]}},
            },
            "label": {"column": "left", "name": "left", "known_after": "1d"},
            "model": model,
            "serving": {"log": f"{base}/log", "target": f"local://{base}/serving"},
        }
    )


def examples(days: int, rows: int, first: datetime, seed: int) -> pa.Table:
    """Labels follow x (with a step where it is missing), c, the hour in Berlin and the share."""
    random = np.random.default_rng(seed)
    n = days * rows
    second = np.sort(random.integers(0, days * 86_400, n))
    times = [first + timedelta(seconds=int(s)) for s in second]
    x = random.normal(size=n)
    missing = random.random(n) < 0.1
    c = random.choice(np.array(["a", "b", "c"], object), n, p=[0.6, 0.3, 0.1])
    owed = np.round(random.exponential(50, n), 2)
    share = random.random(n)
    is_evening = ((second // 3600 + 1) % 24 >= 18).astype(float)  # winter time: UTC + 1
    logit = -1 + np.where(missing, 2, 1.5 * x) + 1.0 * (c == "b") + is_evening - share
    left = random.random(n) < 1 / (1 + np.exp(-logit))
    return pa.table(
        {
            "id": pa.array(np.arange(n), pa.int64()),
            "seen_at": pa.array(times, pa.timestamp("us", "UTC")),
            "x": pa.array(x, mask=missing),
            "paid": pa.array(owed * share),
            "owed": pa.array(owed),
            "c": pa.array(c, pa.string(), mask=random.random(n) < 0.05),
            "left": pa.array(left.astype(np.int8)),
        }
    )


def build(
    base: Path,
    rows_a_day: int = 200,
    model_py: str = "",
    features: object = FEATURES,
    **model: object,
) -> TrainingSetup:
    """Writes plan, examples and statistics into a folder."""
    if model_py:
        model = {**model, "module": "model.py"}
    folders = TrainFolders(*(base / name for name in ("plan", "examples", "statistics", "model")))
    recent = START + timedelta(days=TRAIN_DAYS)
    end = recent + timedelta(days=RECENT_DAYS)
    window = TimeInterval(start=START, end=recent)
    plan = Plan(
        purpose=Purpose.TRAIN,
        spec=spec(base, **model),
        as_of="2024-03-30T00:00:00Z",
        version="20240330T0000-12345678",
        spans=("2024-03-01",),
        columns=COLUMNS,
        features=features,
        windows=Windows(
            train=(window,),
            recent=(TimeInterval(start=recent, end=end),),
            reference=(),
            labels_until="2024-03-29T00:00:00Z",
            watch=window,
            before=window,
        ),
        champion=None,
        digests={"spec": "1", "schema": "2", "files": "3"},
    )
    plan.write(folders.plan / PLAN)
    file = model_file(folders.plan, "model.py")
    file.parent.mkdir(parents=True)
    if model_py:
        file.write_text(model_py, encoding="utf-8")
    for split, days, first, seed in (
        ("train", TRAIN_DAYS, START, 1),
        ("recent", RECENT_DAYS, recent, 2),
    ):
        (folders.examples / split).mkdir(parents=True)
        table = examples(days, rows_a_day, first, seed)
        pq.write_table(table, folders.examples / split / f"{first:%Y-%m-%d}.parquet")
    Lineage(
        plan="p", sources=(), spans=(), external=(), newest=None, splits={}, digest="of examples"
    ).write(folders.examples / LINEAGE)
    folders.statistics.mkdir()
    (folders.statistics / "train.statistics.pb").write_bytes(b"statistics")
    (folders.statistics / "schema.pbtxt").write_text("feature {}\n", encoding="utf-8")
    return TrainingSetup(folders, plan)
