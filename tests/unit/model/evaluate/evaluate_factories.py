"""Makes the real files of an evaluation: days of rows, SavedModels, a plan and a champion."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.core.artifacts import (
    GOLDEN,
    LIMITS,
    LINEAGE,
    MODEL_CARD,
    PLAN,
    SAVED_MODEL,
    BlockScore,
    Golden,
    Limits,
    Lineage,
    ModelCard,
    ModelColumn,
)
from components.core.digest import digest_folder
from components.core.plan import Champion, Plan, Purpose, Windows, model_file
from components.core.spans import TimeInterval
from components.core.spec import Spec, load_spec
from components.model.evaluate.run import EvaluateFolders
from components.model.saved_model import SavedModelRunner

COLUMNS = (
    ModelColumn(name="x", source="x", kind="number"),
    ModelColumn(name="c", source="c", kind="category"),
    ModelColumn(name="at", source="at", kind="timestamp"),
)
AS_OF = "2024-06-01T00:00:00Z"
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Weights:
    """A logistic model of x and c: logit = bias + x * of_x + (c == "b") * of_b."""

    bias: float = -1.0
    of_x: float = 1.5
    of_b: float = 0.8

    def logit(self, x: np.ndarray, is_b: np.ndarray) -> np.ndarray:
        return self.bias + self.of_x * np.nan_to_num(x) + self.of_b * is_b


TRUTH = Weights()
STALE = Weights(of_x=0.9, of_b=-0.6)  # ranks worse than the truth
OFF = Weights(bias=-0.2)  # the truth, but says too much
SHUFFLED = Weights(bias=-0.7, of_x=-0.01, of_b=0.02)  # what a shuffled label teaches


class Logistic(tf.Module):
    """A servable model as training exports one, with its calibration as a variable."""

    def __init__(self, weights: Weights, calibrated: bool = True) -> None:
        super().__init__()
        self.calibration = tf.Variable([1.0, 0.0]) if calibrated else None
        self._weights = weights

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="x"),
            tf.TensorSpec([None], tf.string, name="c"),
            tf.TensorSpec([None], tf.int64, name="at"),
        ]
    )
    def serve(self, x: tf.Tensor, c: tf.Tensor, at: tf.Tensor) -> dict[str, tf.Tensor]:
        w, is_b = self._weights, tf.cast(c == "b", tf.float32)
        known = tf.where(tf.math.is_nan(x), 0.0, x) + 0.0 * tf.cast(at, tf.float32)
        logit = w.bias + w.of_x * known + w.of_b * is_b
        if self.calibration is not None:
            logit = self.calibration[0] * logit + self.calibration[1]
        probability = tf.sigmoid(logit)
        return {"probability": probability, "predicted": tf.cast(probability >= 0.5, tf.int64)}


def save_model(folder: Path, weights: Weights, version: str, calibrated: bool = True) -> Path:
    """Writes a whole model folder."""
    model = Logistic(weights, calibrated)
    tf.saved_model.save(model, str(folder / SAVED_MODEL), signatures=model.serve)
    rows = {"x": (0.5, None, -1.0), "c": ("a", "b", None), "at": (0, 1, 2)}
    inputs = {
        "x": np.array([0.5, np.nan, -1.0], np.float32),
        "c": np.array(["a", "b", ""], object),
        "at": np.array([0, 1, 2], np.int64),
    }
    answers = SavedModelRunner(folder / SAVED_MODEL, COLUMNS).probability_of(inputs)
    Golden(columns=rows, probability=tuple(answers), tolerance=1e-5).write(folder / GOLDEN)
    Limits(blocks=(BlockScore(block="2024-04", rows=9, metrics={"auc": 0.7}),)).write(
        folder / LIMITS
    )
    (folder / "train.statistics.pb").write_bytes(b"statistics")
    ModelCard(
        name="days",
        version=version,
        method="trained",
        task="binary",
        label="late",
        threshold=0.5,
        columns=COLUMNS,
        key=("id",),
        event_time="at",
        as_of="2024-03-01T00:00:00Z",
        run="earlier",
        digests={"examples": f"examples of {version}", "weights": f"weights of {version}"},
        metrics={},
        rows=10,
    ).write(folder / MODEL_CARD)
    return folder


def table(start: str, days: int, rows: int, weights: Weights, seed: int) -> pa.Table:
    """Rows of some days whose labels follow the weights, with a little of each day's own."""
    random = np.random.default_rng(seed)
    n = days * rows
    day = np.repeat(np.arange(days), rows)
    first = int(np.datetime64(start, "us").astype(np.int64))
    at = first + day * DAY_US + random.integers(0, DAY_US, n)
    x, is_b = random.normal(size=n), random.random(n) < 0.5
    odds = weights.logit(x, is_b) + random.normal(0, 0.15, days)[day]
    label = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    missing = random.random(n) < 0.02
    return pa.table(
        {
            "id": pa.array(np.arange(n) + seed * 1_000_000),
            "at": pa.array(at).cast(pa.timestamp("us", "UTC")),
            "x": pa.array(np.where(missing, np.nan, x), from_pandas=True),
            "c": pa.array(np.where(is_b, "b", "a")),
            "late": pa.array(label),
        }
    )


@dataclass
class EvaluationFactory:
    """Folders of one evaluation, and what is in them."""

    root: Path
    truth: Weights = Weights()
    recent: Weights | None = None
    gates: str = ""
    first_model: str = "refused"

    def spec(self) -> Spec:
        text = f"""
name: days
data: {{primary: {{uri: "{self.root}/{{day}}.parquet", event_time: at, key: [id]}}}}
label: {{column: late, name: late, known_after: 1d}}
first_model: {self.first_model}
serving: {{target: "local://{self.root}/serving", log: "{self.root}/log"}}
{self.gates}
"""
        return load_spec(text)

    def examples(self) -> Path:
        folder = self.root / "examples"
        recent = self.recent or self.truth
        for split, start, days, rows, weights, seed in (
            ("train", "2024-03-15", 50, 80, recent, 1),
            ("recent", "2024-05-20", 10, 150, recent, 2),
            ("reference", "2024-01-01", 28, 80, self.truth, 3),
        ):
            (folder / split).mkdir(parents=True)
            pq.write_table(
                table(start, days, rows, weights, seed), folder / split / f"{start[:7]}.parquet"
            )
        Lineage(
            plan="p",
            sources=(),
            spans=(),
            external=(),
            newest=None,
            splits={},
            digest="examples-digest",
        ).write(folder / LINEAGE)
        return folder

    def champion(self, weights: Weights, calibrated: bool = True) -> Champion:
        folder = save_model(self.root / "champion", weights, "v1", calibrated)
        return Champion(
            version="v1",
            uri=str(folder),
            digest=digest_folder(folder),
            run="earlier",
            as_of="2024-03-01T00:00:00Z",
        )

    def plan(self, champion: Champion | None, behaviour: str | None = None) -> Path:
        folder = self.root / "plan"
        instants = TimeInterval(
            start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2024, 2, 1, tzinfo=UTC)
        )
        Plan(
            purpose=Purpose.TRAIN,
            spec=self.spec(),
            as_of=AS_OF,
            version="v2",
            spans=("2024-05-01",),
            columns=COLUMNS,
            features=(),
            windows=Windows(
                train=(),
                recent=(),
                reference=(),
                labels_until=AS_OF,
                watch=instants,
                before=instants,
            ),
            champion=champion,
            digests={"spec": "s"},
        ).write(folder / PLAN)
        if behaviour is not None:
            file = model_file(folder, "behaviour.yaml")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(behaviour)
        return folder

    def folders(
        self, retrained: Weights, champion: Champion | None, behaviour: str | None = None
    ) -> EvaluateFolders:
        model = save_model(self.root / "model", retrained, "v2")
        out = self.root / "out"
        return EvaluateFolders(
            plan=self.plan(champion, behaviour),
            examples=self.examples(),
            model=model,
            chosen=out / "chosen",
            verdict=out / "verdict",
        )

    def audit(self) -> dict:
        (file,) = (self.root / "log-audit" / "runs").rglob("evaluate.json")
        return json.loads(file.read_text())


def failed(found, code):
    """The failed findings of a kind."""
    return [f for f in found.verdict.failures if f.code == code]
