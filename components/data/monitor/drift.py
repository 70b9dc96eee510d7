"""Drift: columns and predictions compared with the training rows and with the window before.

The thresholds are mild and their findings warnings, because the seasons move a column further than
most faults do, while the model stays right. A schema may give a column its own threshold
(``skew_comparator``, ``drift_comparator``), and ``retraining.on`` makes the findings decide.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.spec import Gates
from components.core.tasks import ConfidenceInterval, Metric, block_interval, blocks_of
from components.core.verdict import Finding, Severity, finding
from components.data.monitor.distributions import (
    ColumnDistance,
    ColumnDistribution,
    distance_between,
)
from components.data.monitor.performance import TimedPredictions
from components.data.schema.divergence import Floats, divergence

DriftKind = Literal["skew", "drift"]
COLUMN_THRESHOLD = 0.1
_AGAINST = {"skew": "the training rows", "drift": "the window before"}
PREDICTION_THRESHOLD = 0.1
_DECILES = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class ColumnComparison:
    """One column, compared.

    Attributes:
        name: The column.
        before: As it was.
        now: As it is.
        distance: How far they lie apart; None if one of the two has no values.
        threshold: The accepted distance.
    """

    name: str
    before: ColumnDistribution
    now: ColumnDistribution
    distance: ColumnDistance | None
    threshold: float

    @property
    def is_beyond(self) -> bool:
        """Whether the distance is beyond the threshold."""
        return self.distance is not None and self.distance.value > self.threshold


@dataclass(frozen=True)
class PredictionShift:
    """How the predictions of two windows differ.

    Attributes:
        divergence: Jensen-Shannon divergence in bits over the deciles of the window before.
        mean: Mean prediction now minus before.
        low: Lower end of the interval of `mean` over blocks of time; None if too few blocks.
        high: Upper end of it.
    """

    divergence: float
    mean: float
    low: float | None
    high: float | None


def compare_columns(
    before: Mapping[str, ColumnDistribution],
    now: Mapping[str, ColumnDistribution],
    names: Collection[str],
    thresholds: Mapping[str, float],
) -> tuple[ColumnComparison, ...]:
    """Compares the columns that both tables have, the furthest apart first.

    Args:
        before: Column by name, as it was.
        now: Column by name, as it is.
        names: The columns to compare, without instants, which never come back.
        thresholds: Thresholds other than the default.
    """
    compared = [
        ColumnComparison(
            name,
            before[name],
            now[name],
            distance_between(before[name], now[name]),
            thresholds.get(name, COLUMN_THRESHOLD),
        )
        for name in names
        if name in before and name in now
    ]
    return tuple(sorted(compared, key=lambda c: -(c.distance.value if c.distance else -1.0)))


def schema_thresholds(schema: schema_pb2.Schema, kind: DriftKind) -> dict[str, float]:
    """The thresholds that a schema gives its columns."""
    found = {}
    for feature in schema.feature:
        comparator = feature.skew_comparator if kind == "skew" else feature.drift_comparator
        for name in ("infinity_norm", "jensen_shannon_divergence"):
            if comparator.HasField(name) and getattr(comparator, name).threshold > 0:
                found[feature.name] = float(getattr(comparator, name).threshold)
    return found


def check_column_drift(
    compared: Collection[ColumnComparison], kind: DriftKind, severity: Severity
) -> tuple[Finding, ...]:
    """A finding for each column beyond its threshold, and one for all the others."""
    findings, within = [], []
    for one in compared:
        if one.distance and one.is_beyond:
            text = f"{one.name} lies {one.distance.value:.3f} ({one.distance.measure}) from "
            text += f"{_AGAINST[kind]}, most at {one.distance.where}"
            findings.append(
                finding(kind, severity, one.name, one.distance.value, one.threshold, text)
            )
        elif one.distance:
            within.append(one.distance.value)
    if within:
        text = f"{len(within)} columns are within their thresholds against {_AGAINST[kind]}"
        limit = COLUMN_THRESHOLD
        findings.append(finding(kind, Severity.INFO, "columns", max(within), limit, text))
    return tuple(findings)


def measure_shift(
    before: TimedPredictions, now: TimedPredictions, mean: Metric, gates: Gates
) -> PredictionShift | None:
    """Measures the shift; None if one of the windows is empty.

    The interval of the difference adds the two windows' own by squares (MOVER: Zou and Donner
    2008), because windows apart in time are resampled apart.
    """
    if not len(before.prediction) or not len(now.prediction):
        return None
    edges = np.unique(np.quantile(before.prediction, _DECILES))
    # Rounding may leave a little less than 0.
    distance = max(
        0.0,
        divergence(
            _prediction_shares(before.prediction, edges), _prediction_shares(now.prediction, edges)
        ),
    )
    change = float(now.prediction.mean() - before.prediction.mean())
    ours, theirs = _interval(now, mean, gates), _interval(before, mean, gates)
    if ours is None or theirs is None:
        return PredictionShift(distance, change, None, None)
    down = np.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = np.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    return PredictionShift(distance, change, change - float(down), change + float(up))


def check_prediction_drift(
    shift: PredictionShift | None, severity: Severity, why_not: str
) -> Finding:
    """Compares the shift, None if it could not be measured, with its threshold."""
    code, subject = "prediction_drift", "predictions"
    if shift is None:
        return finding(code, Severity.INFO, subject, None, PREDICTION_THRESHOLD, why_not)
    severity = severity if shift.divergence > PREDICTION_THRESHOLD else Severity.INFO
    interval = "" if shift.low is None else f" [{shift.low:+.3f}, {shift.high:+.3f}]"
    text = f"predictions lie {shift.divergence:.3f} (Jensen-Shannon) from the window before; their "
    text += f"mean moved by {shift.mean:+.3f}{interval}"
    return finding(code, severity, subject, shift.divergence, PREDICTION_THRESHOLD, text)


def _prediction_shares(values: Floats, edges: Floats) -> Floats:
    """Shares in the bins between edges, open at both ends, float64 [len(edges) + 1]."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return counts / len(values)


def _interval(timed: TimedPredictions, mean: Metric, gates: Gates) -> ConfidenceInterval | None:
    return block_interval(
        mean,
        np.zeros(len(timed.prediction)),  # the mean prediction needs no label
        timed.prediction,
        blocks_of(timed.event_time, gates.block),
        resamples=gates.resamples,
        confidence=gates.confidence,
    )
