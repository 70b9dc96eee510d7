"""Distributions of columns, read from TFDV's statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import statistics_pb2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Categories:
    """Shares of the values that are there, the commonest first.

    Attributes:
        shares: Value to its share.
    """

    shares: Mapping[str, float]


@dataclass(frozen=True)
class Numbers:
    """Where the numbers that are there lie, by their quantiles.

    Attributes:
        edges: float64 [n], ascending and distinct.
        cumulated: float64 [n]: the share of values not above each edge; the last is 1.
        mean: Their mean.
    """

    edges: Floats
    cumulated: Floats
    mean: float

    def shares_between(self, edges: Floats) -> Floats:
        """Shares in the bins that edges cut the line into, the open ends included.

        Args:
            edges: float64 [k], ascending and distinct.

        Returns:
            float64 [k + 1], sum 1: up to the first edge, between each two (the upper one
            belongs to the bin), above the last. Values lie evenly between quantiles.
        """
        below = np.interp(edges, self.edges, self.cumulated, left=0.0, right=1.0)
        return np.diff(below, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class Column:
    """One column of one table.

    Attributes:
        missing: Share of rows without a value.
        values: How those that are there are spread; None: there is none.
    """

    missing: float
    values: Categories | Numbers | None


def columns_of(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, Column]:
    """Every column of the first dataset of statistics."""
    if not statistics.datasets:
        return {}
    return {_name(feature): _column(feature) for feature in statistics.datasets[0].features}


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return ".".join(feature.path.step) or feature.name


def _column(feature: statistics_pb2.FeatureNameStatistics) -> Column:
    is_text = feature.HasField("string_stats")
    stats = feature.string_stats if is_text else feature.num_stats
    present = stats.common_stats.num_non_missing
    rows = present + stats.common_stats.num_missing
    missing = stats.common_stats.num_missing / rows if rows else 1.0
    if not present:
        return Column(missing, None)
    return Column(missing, _categories(stats, present) if is_text else _numbers(stats))


def _categories(stats: statistics_pb2.StringStatistics, present: int) -> Categories:
    ranked = stats.rank_histogram.buckets
    return Categories({bucket.label: bucket.sample_count / present for bucket in ranked})


def _numbers(stats: statistics_pb2.NumericStatistics) -> Numbers | None:
    quantiles = statistics_pb2.Histogram.QUANTILES
    found = [h.buckets for h in stats.histograms if h.type == quantiles and h.buckets]
    if not found:
        return None
    counts = np.array([b.sample_count for b in found[0]], np.float64)
    edges = np.array([found[0][0].low_value, *(b.high_value for b in found[0])], np.float64)
    cumulated = np.concatenate(([0.0], np.cumsum(counts) / counts.sum()))
    # Of several equal edges the last counts: all values up to it lie not above it.
    last = np.array([*(a != b for a, b in pairwise(edges)), True])
    return Numbers(edges[last], cumulated[last], float(stats.mean))
