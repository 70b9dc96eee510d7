"""The axes of a chart: what they run over, where their ticks stand, and the frame they span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.core.report.chart.scale import finite, is_range, nice_range, nice_ticks, tick_labels
from components.core.report.chart.svg import shorten

_LONGEST_NAME = 18


@dataclass(frozen=True)
class Axis:
    """One direction of a chart.

    Attributes:
        low: The value at its beginning.
        high: The value at its end.
        ticks: Where its ticks stand.
        labels: What is written at them.
        title: What it measures.
        is_category: Whether it holds names, at 0, 1, 2, rather than numbers.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    title: str = ""
    is_category: bool = False


@dataclass(frozen=True)
class Frame:
    """The rectangle in px that the data is drawn in, and its two axes."""

    left: float
    top: float
    right: float
    bottom: float
    x_axis: Axis
    y_axis: Axis

    def px(self, value: float) -> float:
        """Says how far to the right a value is drawn."""
        share = (value - self.x_axis.low) / (self.x_axis.high - self.x_axis.low)
        return self.left + share * (self.right - self.left)

    def py(self, value: float) -> float:
        """Says how far down a value is drawn."""
        share = (value - self.y_axis.low) / (self.y_axis.high - self.y_axis.low)
        return self.bottom - share * (self.bottom - self.top)


def numeric_axis(
    values: Iterable[float], title: str = "", limits: tuple[float, float] | None = None
) -> Axis:
    """Makes an axis of numbers.

    Args:
        values: The finite numbers to be shown; needed if there are no limits.
        title: What it measures.
        limits: Where it begins and ends; from the values if not given or not usable.

    Returns:
        The axis.
    """
    usable = limits is not None and is_range(*map(finite, limits))
    low, high = limits if limits is not None and usable else nice_range(values)
    ticks = nice_ticks(low, high)
    return Axis(low, high, ticks, tick_labels(ticks), title)


def category_axis(names: Sequence[str], title: str = "") -> Axis:
    """Makes an axis of names, each in the middle of its own slot."""
    labels = tuple(shorten(name, _LONGEST_NAME) for name in names)
    ticks = tuple(float(index) for index in range(len(names)))
    return Axis(-0.5, len(names) - 0.5, ticks, labels, title, is_category=True)
