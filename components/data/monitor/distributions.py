"""Distributions of columns, read from TFDV's statistics, and the distance between two of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data.schema.divergence import Floats, divergence

Measure = Literal["L-infinity", "Jensen-Shannon"]


@dataclass(frozen=True)
class CategoryDistribution:
    """Shares of the values that are present, the most common first.

    Attributes:
        shares: Value to its share.
    """

    shares: Mapping[str, float]


@dataclass(frozen=True)
class NumberDistribution:
    """The distribution of the numbers that are present, by their quantiles.

    Attributes:
        edges: float64 [n], ascending and distinct.
        cumulated: float64 [n]: the share of values not above each edge; the last is 1.
        mean: Their mean.
    """

    edges: Floats
    cumulated: Floats
    mean: float

    def shares_between(self, edges: Floats) -> Floats:
        """Shares in the bins between edges, the open ends included.

        Args:
            edges: float64 [k], ascending and distinct.

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
        values: The distribution of the values; None if there are none.
    """

    missing: float
    values: CategoryDistribution | NumberDistribution | None


@dataclass(frozen=True)
class ColumnDistance:
    """How far the second column lies from the first.

    Attributes:
        measure: ``L-infinity``: the largest difference of a category's share;
            ``Jensen-Shannon``: the divergence in bits, 0 to 1, over the first one's deciles.
        value: The distance.
        where: The category, or the bin, that differs most.
    """

    measure: Measure
    value: float
    where: str


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
    if isinstance(first.values, CategoryDistribution) and isinstance(
        second.values, CategoryDistribution
    ):
        return _between_categories(first.values.shares, second.values.shares)
    if isinstance(first.values, NumberDistribution) and isinstance(
        second.values, NumberDistribution
    ):
        return _between_numbers(first.values, second.values)
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
    return ColumnDistribution(missing, CategoryDistribution(ranked))


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
    return NumberDistribution(edges[last], cumulated[last], float(stats.mean))


def _between_categories(first: Mapping[str, float], second: Mapping[str, float]) -> ColumnDistance:
    names = sorted({*first, *second})
    differences = {name: abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in names}
    worst = max(names, key=differences.__getitem__)
    return ColumnDistance("L-infinity", differences[worst], worst)


def _between_numbers(first: NumberDistribution, second: NumberDistribution) -> ColumnDistance:
    edges = first.edges
    ours, theirs = first.shares_between(edges), second.shares_between(edges)
    worst = int(np.abs(ours - theirs).argmax())
    distance = max(0.0, divergence(ours, theirs))  # rounding may leave a little less than 0
    return ColumnDistance("Jensen-Shannon", distance, bin_name(edges, worst))
