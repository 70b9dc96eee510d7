"""Writes a small model folder: a formula that a test can compute a second time.

Run in the environment of the model image: ``python small_model.py <folder>``.
"""

import sys
from pathlib import Path

import tensorflow as tf

from components.core.artifacts import (
    GOLDEN,
    MODEL_CARD,
    SAVED_MODEL,
    Golden,
    ModelCard,
    ModelColumn,
)

KINDS = {
    "temp": "number",
    "wind": "number",
    "carrier": "category",
    "origin": "category",
    "leaves": "timestamp",
    "booked": "timestamp",
}
DTYPES = {"number": tf.float32, "category": tf.string, "timestamp": tf.int64}
ROWS = {
    "temp": (21.5, None, -3),
    "wind": (4, 0.5, 12.25),
    "carrier": ("UA", "", "DL"),
    "origin": ("EWR", "JFK", None),
    "leaves": (1372636800, "2013-07-01T06:30:00Z", 1372680000),
    "booked": (1372032000, 1372636800, 1372636799),
}


class Formula(tf.Module):
    @tf.function(
        input_signature=[tf.TensorSpec([None], DTYPES[k], name=n) for n, k in KINDS.items()]
    )
    def serve(self, temp, wind, carrier, origin, leaves, booked):
        # A value that this graph cannot take, and one that it answers wrongly.
        check = tf.debugging.Assert(tf.reduce_all(carrier != "boom"), ["boom"])
        with tf.control_dependencies([check]):
            known = [tf.where(tf.math.is_nan(x), tf.zeros_like(x), x) for x in (temp, wind)]
        days = tf.cast(leaves - booked, tf.float32) / 86400.0
        logit = 0.05 * known[0] - 0.1 * known[1] + 0.01 * days
        logit += 0.3 * tf.cast(tf.strings.length(carrier, unit="UTF8_CHAR"), tf.float32)
        logit -= tf.where(origin == "EWR", 0.5, 0.0)
        logit += tf.where(carrier == "nan", float("nan"), 0.0)
        probability = tf.sigmoid(logit)
        return {
            "probability": probability,
            "predicted": tf.cast(probability >= 0.6, tf.int64),
        }


def cells(values, kind):
    if kind == "number":
        return tf.constant([float("nan") if v is None else v for v in values], tf.float32)
    if kind == "category":
        return tf.constant([v or "" for v in values])
    return tf.constant([v if isinstance(v, int) else 1372660200 for v in values], tf.int64)


def main(folder: Path) -> None:
    module = Formula()
    signature = {"serving_default": module.serve}
    tf.saved_model.save(module, str(folder / SAVED_MODEL), signatures=signature)
    answer = module.serve(*(cells(ROWS[n], k) for n, k in KINDS.items()))
    Golden(
        columns=ROWS, probability=tuple(answer["probability"].numpy().tolist()), tolerance=1e-6
    ).write(folder / GOLDEN)
    ModelCard(
        name="small",
        version="20130701T0000-abcdef12",
        method="trained",
        task="binary",
        label="late",
        threshold=0.6,
        columns=tuple(ModelColumn(name=n, source=n, kind=k) for n, k in KINDS.items()),
        key=("origin", "flight", "leaves"),
        event_time="seen",
        as_of="2013-07-01T00:00:00Z",
        run="run-1",
        digests={},
        metrics={},
        rows=3,
    ).write(folder / MODEL_CARD)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
