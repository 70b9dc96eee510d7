"""Answers and predictions side by side: what every metric is a function of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Labelled predictions.

    Attributes:
        label: float64 [n], 0 or 1 for a binary task.
        prediction: float64 [n], a probability for a binary task.
        weight: float64 [n], 1 where none was given.
    """

    label: Floats
    prediction: Floats
    weight: Floats

    @classmethod
    def of(cls, label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Brings arrays of one length together.

        Raises:
            ValueError: The lengths differ, or a weight is negative or not finite.
        """
        columns = [_column(label), _column(prediction)]
        columns.append(np.ones(len(columns[0])) if weight is None else _column(weight))
        if len({len(column) for column in columns}) > 1:
            raise ValueError(f"lengths differ: {[len(column) for column in columns]}")
        if not np.all(np.isfinite(columns[2]) & (columns[2] >= 0)):
            raise ValueError("a weight is negative or not finite")
        return cls(*columns)

    @property
    def is_usable(self) -> bool:
        """Whether there is a row with weight, and every number is finite."""
        finite = np.isfinite(self.label).all() and np.isfinite(self.prediction).all()
        return bool(finite and self.weight.sum() > 0)

    @cached_property
    def rank(self) -> Ints:
        """int64 [n]: dense rank of each prediction from 0; equal predictions share one."""
        ranks: Ints = np.unique(self.prediction, return_inverse=True)[1].reshape(-1)
        return ranks.astype(np.int64)


def _column(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1)
