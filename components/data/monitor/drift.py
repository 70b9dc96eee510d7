"""How far two distributions of a column lie apart."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.data.monitor.distributions import Categories, Column, Numbers
from components.data.validate.skew import divergence

Floats = npt.NDArray[np.float64]
Measure = Literal["L-infinity", "Jensen-Shannon"]


@dataclass(frozen=True)
class Distance:
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


def distance_between(first: Column, second: Column) -> Distance | None:
    """The distance of two columns; None where one has no values, or they are of two kinds."""
    if isinstance(first.values, Categories) and isinstance(second.values, Categories):
        return _between_categories(first.values, second.values)
    if isinstance(first.values, Numbers) and isinstance(second.values, Numbers):
        return _between_numbers(first.values, second.values)
    return None


def _between_categories(first: Categories, second: Categories) -> Distance:
    names = sorted({*first.shares, *second.shares})
    apart = {n: abs(first.shares.get(n, 0.0) - second.shares.get(n, 0.0)) for n in names}
    worst = max(names, key=apart.__getitem__)
    return Distance("L-infinity", apart[worst], worst)


def _between_numbers(first: Numbers, second: Numbers) -> Distance:
    edges = first.edges
    ours, theirs = first.shares_between(edges), second.shares_between(edges)
    worst = int(np.abs(ours - theirs).argmax())
    apart = max(0.0, divergence(ours, theirs))  # rounding may leave a little less than nothing
    return Distance("Jensen-Shannon", apart, bin_name(edges, worst))


def bin_name(edges: Floats, index: int) -> str:
    """A bin of `Numbers.shares_between` in words."""
    if index == 0:
        return f"up to {edges[0]:g}"
    if index == len(edges):
        return f"above {edges[-1]:g}"
    return f"{edges[index - 1]:g} to {edges[index]:g}"
