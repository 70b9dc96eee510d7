"""How far two distributions lie apart."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def divergence(one: Floats, other: Floats) -> float:
    """Jensen-Shannon divergence, base 2: 0 for equal distributions, 1 for disjoint ones.

    Args:
        one: Shares, float64 [bins].
        other: The same.
    """
    middle = (one + other) / 2
    return (_entropy(middle) * 2 - _entropy(one) - _entropy(other)) / 2


def _entropy(shares: Floats) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())
