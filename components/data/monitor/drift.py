"""Drift: columns and predictions compared with the training rows and with the window before.

The thresholds are mild and their findings warnings, because the seasons move a column further than
most faults do, while the model stays right. A schema may give a column its own threshold
(``skew_comparator``, ``drift_comparator``), and ``retraining.on`` makes the findings decide.
Distributions are read from TFDV's statistics.

A column drifted only if its distance is beyond the threshold, the least that matters, *and* more
than the chance of both windows' rows, with control over all columns (``significance.py``). Fewer
than 50 values in either window are too few to compare, and are never drift.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core.spec import Gates
from components.core.tasks import Metric, blocks_of
from components.core.verdict import Finding, Severity, finding
from components.data.monitor.performance import TimedPredictions, interval_of
from components.data.monitor.significance import (
    FAMILY_ERROR,
    MIN_ROWS,
    day_inflation,
    holm,
    homogeneity,
)
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
        upto = np.interp(edges, self.edges, self.cumulated, left=0.0, right=1.0)
        return np.diff(upto, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class ColumnDistribution:
    """One column of one table.

    Attributes:
        missing: Share of rows without a value.
        values: Of those present, a category's share, the most common first, or the distribution of
            numbers; None if there are none.
        count: How many are present; infinite if the shares are known exactly.
    """

    missing: float
    values: dict[str, float] | NumberDistribution | None
    count: float = math.inf


@dataclass(frozen=True)
class ColumnDistance:
    """How far the second column lies from the first.

    Attributes:
        measure: ``L-infinity``: the largest difference of a category's share;
            ``Jensen-Shannon``: the divergence in bits, 0 to 1, over the first one's deciles.
        value: The distance.
        where: The category, or the bin, that differs most.
        p_value: The chance of such shares if nothing changed.
    """

    measure: Literal["L-infinity", "Jensen-Shannon"]
    value: float
    where: str
    p_value: float = 0.0


@dataclass(frozen=True)
class ColumnComparison:
    """One column as it was and as it is; no distance if one of the two has no values."""

    name: str
    before: ColumnDistribution
    now: ColumnDistribution
    distance: ColumnDistance | None
    threshold: float
    is_significant: bool = False

    @property
    def is_comparable(self) -> bool:
        """Whether both have enough values."""
        return min(self.before.count, self.now.count) >= MIN_ROWS

    @property
    def is_beyond(self) -> bool:
        """Whether the distance is beyond the threshold, and by more than chance."""
        return (
            self.distance is not None
            and self.distance.value > self.threshold
            and self.is_significant
        )


@dataclass(frozen=True)
class PredictionShift:
    """How the predictions of two windows differ.

    Attributes:
        divergence: Jensen-Shannon divergence in bits over the deciles of the window before.
        mean: Mean prediction now minus before.
        low: Lower end of the interval of `mean` over blocks of time; None if too few blocks.
        high: Upper end of it.
        p_value: The chance of such a divergence if nothing changed.
    """

    divergence: float
    mean: float
    low: float | None
    high: float | None
    p_value: float

    @property
    def is_beyond(self) -> bool:
        """Whether the divergence is beyond the threshold, and by more than chance."""
        return self.divergence > PREDICTION_THRESHOLD and self.p_value <= FAMILY_ERROR


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
    rows = first.count, second.count
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _between_categories(ours, theirs, rows)
    if isinstance(ours, NumberDistribution) and isinstance(theirs, NumberDistribution):
        return _between_numbers(ours, theirs, rows)
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
        return ColumnDistribution(missing, None, 0)
    if not is_text:
        return ColumnDistribution(missing, _numbers(stats), present)
    ranked = {b.label: b.sample_count / present for b in stats.rank_histogram.buckets}
    return ColumnDistribution(missing, ranked, present)


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


def _between_categories(
    first: Mapping[str, float], second: Mapping[str, float], rows: tuple[float, float]
) -> ColumnDistance:
    names = sorted({*first, *second})
    ours, theirs = (np.array([x.get(name, 0.0) for name in names]) for x in (first, second))
    differences = np.abs(ours - theirs)
    worst = int(differences.argmax())
    p_value = homogeneity(ours, theirs, rows)
    return ColumnDistance("L-infinity", float(differences[worst]), names[worst], p_value)


def _between_numbers(
    first: NumberDistribution, second: NumberDistribution, rows: tuple[float, float]
) -> ColumnDistance:
    edges = first.edges
    ours, theirs = first.shares_between(edges), second.shares_between(edges)
    worst = int(np.abs(ours - theirs).argmax())
    p_value = homogeneity(ours, theirs, rows)
    return ColumnDistance(
        "Jensen-Shannon", divergence(ours, theirs), bin_name(edges, worst), p_value
    )


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
    tested = [c for c in compared if c.distance and c.is_comparable]
    significant = holm([c.distance.p_value for c in tested if c.distance])
    found = {c.name for c, is_found in zip(tested, significant, strict=True) if is_found}
    compared = [replace(c, is_significant=c.name in found) for c in compared]
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
    """A finding for each drifted column, one for all others, one for those of too few values."""
    within, few = [], []
    for one in compared:
        if one.distance and not one.is_comparable:
            few.append(int(min(one.before.count, one.now.count)))
        elif one.distance and one.is_beyond:
            text = f"{one.name} lies {one.distance.value:.3f} ({one.distance.measure}) from "
            text += f"{_AGAINST[kind]}, most at {one.distance.where}"
            numbers = one.distance.value, one.threshold
            yield finding(kind, severity, one.name, *numbers, text)
        elif one.distance:
            within.append(one.distance.value)
    if within:
        text = f"{len(within)} columns are within their thresholds against {_AGAINST[kind]}, or "
        text += "differ by no more than chance"
        yield finding(kind, Severity.INFO, "columns", max(within), COLUMN_THRESHOLD, text)
    if few:
        text = f"{len(few)} columns have too few rows to compare with {_AGAINST[kind]}: "
        text += f"{min(few):,} values, of {MIN_ROWS} that are needed"
        yield finding(kind, Severity.INFO, "columns", min(few), MIN_ROWS, text)


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
    first, second = (_prediction_shares(w.prediction, edges) for w in (before, now))
    distance = divergence(first, second)
    rows = [len(w.prediction) / _inflation(w, edges) for w in (before, now)]
    p_value = homogeneity(first, second, (rows[0], rows[1]))
    change = float(now.prediction.mean() - before.prediction.mean())
    ours, theirs = (
        interval_of(mean, np.zeros(len(w.prediction)), w, gates)  # a mean needs no label
        for w in (now, before)
    )
    if ours is None or theirs is None:
        return PredictionShift(distance, change, None, None, p_value)
    down = np.hypot(ours.estimate - ours.low, theirs.high - theirs.estimate)
    up = np.hypot(ours.high - ours.estimate, theirs.estimate - theirs.low)
    width = mean.bounds[1] - mean.bounds[0]
    low, high = np.clip((change - down, change + up), -width, width)
    return PredictionShift(distance, change, float(low), float(high), p_value)


def check_prediction_drift(
    shift: PredictionShift | None, severity: Severity, why_not: str
) -> Finding:
    """Compares the shift, None if it could not be measured, with its threshold."""
    code, subject = "prediction_drift", "predictions"
    if shift is None:
        return finding(code, Severity.INFO, subject, None, PREDICTION_THRESHOLD, why_not)
    severity = severity if shift.is_beyond else Severity.INFO
    interval = "" if shift.low is None else f" [{shift.low:+.3f}, {shift.high:+.3f}]"
    text = f"predictions lie {shift.divergence:.3f} (Jensen-Shannon) from the window before; their "
    text += f"mean moved by {shift.mean:+.3f}{interval}"
    if shift.divergence > PREDICTION_THRESHOLD and not shift.is_beyond:
        text += ", by no more than chance"
    return finding(code, severity, subject, shift.divergence, PREDICTION_THRESHOLD, text)


def _inflation(timed: TimedPredictions, edges: Floats) -> float:
    bins = np.searchsorted(edges, timed.prediction, side="left").astype(np.int64)
    return day_inflation(bins, blocks_of(timed.event_time, "day"))


def _prediction_shares(values: Floats, edges: Floats) -> Floats:
    """Shares in the bins between edges, open at both ends, float64 [len(edges) + 1]."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return counts / len(values)
