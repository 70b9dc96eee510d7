"""Drift: columns and predictions compared with the training rows and with the window before.

The thresholds are mild and their findings warnings, because the seasons move a column further than
most faults do, while the model stays right. A schema may give a column its own threshold
(``skew_comparator``, ``drift_comparator``), and ``retraining.on`` makes the findings decide.
Distributions are read from TFDV's statistics.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core.spec import Gates
from components.core.tasks import Metric
from components.core.verdict import Finding, Severity, finding
from components.data.monitor.performance import TimedPredictions, interval_of
from components.data.schema.statistics import divergence
from components.data.tables.columns import Floats

DriftKind = Literal["skew", "drift"]
COLUMN_THRESHOLD = 0.1
PREDICTION_THRESHOLD = 0.1
_AGAINST = {"skew": "the training rows", "drift": "the window before"}
_DECILES = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class NumberDistribution:
    """The distribution of the numbers that are present, by their quantiles.

    Attributes:
        edges: float64 [n], ascending and distinct.
        cumulated: float64 [n]: the share of values not above each edge; the last is 1.
    """

    edges: Floats
    cumulated: Floats

    def shares_between(self, edges: Floats) -> Floats:
        """Shares in the bins between edges (float64 [k], ascending and distinct).

        Returns:
            float64 [k + 1], sum 1: up to the first edge, between each two (the upper one
            belongs to the bin), above the last. Values lie evenly between quantiles.
        """
        below = np.interp(edges, self.edges, self.cumulated, left=0.0, right=1.0)
        return np.diff(below, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class ColumnDistribution:
    """One column of one table.

    Attributes:
        missing: Share of rows without a value.
        values: Of those present, a category's share, the most common first, or the distribution of
            numbers; None if there are none.
    """

    missing: float
    values: dict[str, float] | NumberDistribution | None


@dataclass(frozen=True)
class ColumnDistance:
    """How far the second column lies from the first.

    Attributes:
        measure: ``L-infinity``: the largest difference of a category's share;
            ``Jensen-Shannon``: the divergence in bits, 0 to 1, over the first one's deciles.
        value: The distance.
        where: The category, or the bin, that differs most.
    """

    measure: Literal["L-infinity", "Jensen-Shannon"]
    value: float
    where: str


@dataclass(frozen=True)
class ColumnComparison:
    """One column as it was and as it is; no distance if one of the two has no values."""

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


def distributions_of(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> dict[str, ColumnDistribution]:
    """Every column of the first dataset of statistics, by name."""
    features = statistics.datasets[0].features if statistics.datasets else ()
    return {".".join(f.path.step) or f.name: _distribution(f) for f in features}


def distance_between(
    first: ColumnDistribution, second: ColumnDistribution
) -> ColumnDistance | None:
    """The distance of two columns; None if one has no values or their kinds differ."""
    ours, theirs = first.values, second.values
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _between_categories(ours, theirs)
    if isinstance(ours, NumberDistribution) and isinstance(theirs, NumberDistribution):
        return _between_numbers(ours, theirs)
    return None


def bin_name(edges: Floats, index: int) -> str:
    """A bin of `NumberDistribution.shares_between` in words."""
    if index == 0:
        return f"up to {edges[0]:g}"
    if index == len(edges):
        return f"above {edges[-1]:g}"
    return f"{edges[index - 1]:g} to {edges[index]:g}"


def _distribution(feature: statistics_pb2.FeatureNameStatistics) -> ColumnDistribution:
    is_text = feature.HasField("string_stats")
    stats = feature.string_stats if is_text else feature.num_stats
    present = stats.common_stats.num_non_missing
    rows = present + stats.common_stats.num_missing
    missing = stats.common_stats.num_missing / rows if rows else 1.0
    if not present:
        return ColumnDistribution(missing, None)
    if not is_text:
        return ColumnDistribution(missing, _numbers(stats))
    ranked = {b.label: b.sample_count / present for b in stats.rank_histogram.buckets}
    return ColumnDistribution(missing, ranked)


def _numbers(stats: statistics_pb2.NumericStatistics) -> NumberDistribution | None:
    quantiles = statistics_pb2.Histogram.QUANTILES
    found = [h.buckets for h in stats.histograms if h.type == quantiles and h.buckets]
    if not found:
        return None
    counts = np.array([b.sample_count for b in found[0]], np.float64)
    edges = np.array([found[0][0].low_value, *(b.high_value for b in found[0])], np.float64)
    cumulated = np.concatenate(([0.0], np.cumsum(counts) / counts.sum()))
    # Of several equal edges the last counts: all values up to it lie not above it.
    last = np.array([*(a != b for a, b in pairwise(edges)), True])
    return NumberDistribution(edges[last], cumulated[last])


def _between_categories(first: Mapping[str, float], second: Mapping[str, float]) -> ColumnDistance:
    names = sorted({*first, *second})
    differences = {name: abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in names}
    worst = max(names, key=differences.__getitem__)
    return ColumnDistance("L-infinity", differences[worst], worst)


def _between_numbers(first: NumberDistribution, second: NumberDistribution) -> ColumnDistance:
    edges = first.edges
    ours, theirs = first.shares_between(edges), second.shares_between(edges)
    worst = int(np.abs(ours - theirs).argmax())
    return ColumnDistance("Jensen-Shannon", divergence(ours, theirs), bin_name(edges, worst))


def compare_columns(
    before: Mapping[str, ColumnDistribution],
    now: Mapping[str, ColumnDistribution],
    names: Collection[str],
    thresholds: Mapping[str, float],
) -> tuple[ColumnComparison, ...]:
    """Compares the named columns that both tables have, the furthest apart first.

    Instants, which never come back, are not named; `thresholds` are those beside the default.
    """
    compared = []
    for name in names:
        if name in before and name in now:
            distance = distance_between(before[name], now[name])
            threshold = thresholds.get(name, COLUMN_THRESHOLD)
            compared.append(ColumnComparison(name, before[name], now[name], distance, threshold))
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
) -> Iterator[Finding]:
    """A finding for each column beyond its threshold, and one for all the others."""
    within = []
    for one in compared:
        if one.distance and one.is_beyond:
            text = f"{one.name} lies {one.distance.value:.3f} ({one.distance.measure}) from "
            text += f"{_AGAINST[kind]}, most at {one.distance.where}"
            numbers = one.distance.value, one.threshold
            yield finding(kind, severity, one.name, *numbers, text)
        elif one.distance:
            within.append(one.distance.value)
    if within:
        text = f"{len(within)} columns are within their thresholds against {_AGAINST[kind]}"
        yield finding(kind, Severity.INFO, "columns", max(within), COLUMN_THRESHOLD, text)


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
    distance = divergence(*(_prediction_shares(w.prediction, edges) for w in (before, now)))
    change = float(now.prediction.mean() - before.prediction.mean())
    ours, theirs = (
        interval_of(mean, np.zeros(len(w.prediction)), w, gates)  # a mean needs no label
        for w in (now, before)
    )
    if ours is None or theirs is None:
        return PredictionShift(distance, change, None, None)
    down = np.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = np.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    width = mean.bounds[1] - mean.bounds[0]
    low, high = np.clip((change - down, change + up), -width, width)
    return PredictionShift(distance, change, float(low), float(high))


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
