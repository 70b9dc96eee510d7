"""Which numbers an axis runs between, where its ticks stand, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

_HUGE, _TINY = 1e150, 1e-150  # beyond them a share may overflow or underflow
_CLOSE = 1e-9  # nearer numbers, relative to their size, have no ticks between them
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def finite(value: float | None) -> float | None:
    """Gives the value as a float, or `None` if it cannot be drawn."""
    if value is None or not math.isfinite(value) or abs(value) > _HUGE:
        return None
    return float(value) if abs(value) > _TINY else 0.0


def is_range(low: float | None, high: float | None) -> bool:
    """Says whether two numbers are far enough apart, in this order, to put ticks between them."""
    if low is None or high is None:
        return False
    return high - low > _CLOSE * max(abs(low), abs(high))


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Places the ticks of a range: the multiples of a nice step inside it."""
    step = _nice_step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{index * step:.12g}") + 0.0 for index in range(first, last + 1))


def nice_range(values: Iterable[float], count: int = 5) -> tuple[float, float]:
    """Widens the values' range to nice ends; a single value gets room on both sides.

    Args:
        values: Finite numbers, at least one.
        count: The most intervals between ticks.

    Returns:
        The ends, the first smaller than the second.
    """
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if not is_range(low, high):
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    step = _nice_step(low, high, count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def tick_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """Writes the ticks of one axis with the same decimals and unit (k, M, G)."""
    if not ticks:
        return ()
    largest = max(abs(tick) for tick in ticks)
    step = min((b - a for a, b in pairwise(ticks)), default=largest or 1.0)
    if largest >= 1e12 or (largest > 0 and step < 1e-5):
        return tuple(f"{tick:.3g}" for tick in ticks)
    unit, suffix = next(((u, s) for u, s in _UNITS if largest >= 10 * u), (1.0, ""))
    decimals = min(max(0, -math.floor(math.log10(step / unit) + 1e-9)), 6)
    texts = (f"{tick / unit:.{decimals}f}{suffix if tick else ''}" for tick in ticks)
    return tuple(text.replace("-", "\u2212") for text in texts)


def _nice_step(low: float, high: float, count: int = 5) -> float:
    """Finds the smallest of 1, 2 or 5 times a power of ten that cuts a range in at most `count`.

    Args:
        low: Where the range begins.
        high: Where it ends; greater than `low`.
        count: The most intervals.

    Returns:
        The distance between two ticks.
    """
    raw = (high - low) / count
    power = math.floor(math.log10(raw))
    for factor in (1, 2, 5):
        step = float(f"{factor}e{power}")
        if step >= raw * (1 - 1e-9):
            return step
    return float(f"1e{power + 1}")
