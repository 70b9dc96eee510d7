"""What preprocessing learns from the training rows: knots and vocabularies, in plain numpy."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MISSING, UNSEEN = 0, 1
"""Ids that every category has, in front of its words."""

LEAST_COUNT = 5
"""A category on fewer training rows is taken as unseen: so few say nothing about the next one."""


@dataclass(frozen=True)
class Number:
    """How a number enters the network.

    Attributes:
        knots: Ascending quantiles of the training rows; between two the encoding rises linearly.
        median: Stands in for a missing value, beside the indicator of missing.
        mean: Of the training rows that have it.
        deviation: Standard deviation of the same; 1 for a constant.
        has_missing: Whether a training row lacks it; without one there is no indicator to learn.
    """

    knots: tuple[float, ...]
    median: float
    mean: float
    deviation: float
    has_missing: bool


@dataclass(frozen=True)
class Category:
    """How a category enters the network.

    Attributes:
        words: Its values, each with an id of its own after missing and unseen, in order.
    """

    words: tuple[str, ...]

    @property
    def ids(self) -> int:
        """How many ids there are, with missing and unseen."""
        return len(self.words) + 2


def encode_number(values: NDArray[np.float32], buckets: int) -> Number:
    """Learns a number exactly from all training rows.

    Args:
        values: float32 [n], NaN where missing.
        buckets: Most stretches between two knots.
    """
    there = values[np.isfinite(values)].astype(np.float64)
    if not len(there):
        return Number((), 0.0, 0.0, 1.0, len(values) > 0)
    knots = np.unique(there)
    if len(knots) > buckets + 1:
        quantiles = np.quantile(there, np.linspace(0, 1, buckets + 1))
        knots = np.unique(quantiles.astype(np.float32))  # apart in the graph's own precision
    deviation = float(there.std())
    return Number(
        knots=tuple(float(k) for k in knots),
        median=float(np.median(there)),
        mean=float(there.mean()),
        deviation=deviation if deviation > 0 else 1.0,
        has_missing=len(there) < len(values),
    )


def encode_category(values: Iterable[str | int], least: int = LEAST_COUNT) -> Category:
    """Learns a vocabulary: the words on at least `least` rows, in the order of their letters.

    Args:
        values: str or int [n]; ``""`` is missing.
        least: Fewest rows of a word.
    """
    kept = (str(word) for word, count in Counter(values).items() if count >= least)
    return Category(tuple(sorted(word for word in kept if word)))
