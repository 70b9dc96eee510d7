"""Colours, dashes and shapes that tell series apart, for colour-blind readers too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from components.core.report.chart.svg import tag
from components.core.report.tone import Tone

# Okabe and Ito (2008), without black and yellow, which vanish on one of the two backgrounds.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES: Final = (None, "7 4", "2 3", "9 3 2 3")

TONE_COLOURS: Final[Mapping[Tone, str]] = MappingProxyType(
    {"good": "#009E73", "warn": "#E69F00", "bad": "#D55E00", "neutral": "#0072B2"}
)


def colour(index: int) -> str:
    """Gives the colour of the n-th series."""
    return _COLOURS[index % len(_COLOURS)]


def dash(index: int) -> str | None:
    """Gives the dash pattern of the n-th series."""
    return _DASHES[index % len(_DASHES)]


def marker(shape: int, x: float, y: float, fill: str, content: str = "") -> str:
    """Draws the n-th shape (circle, square, triangle, diamond) around a point."""
    if shape % 4 == 0:
        return tag("circle", content, cx=x, cy=y, r=3.5, fill=fill)
    if shape % 4 == 1:
        return tag("rect", content, x=x - 3.2, y=y - 3.2, width=6.4, height=6.4, fill=fill)
    offsets = (
        ((0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)),
        ((0.0, -4.8), (4.8, 0.0), (0.0, 4.8), (-4.8, 0.0)),
    )[shape % 4 - 2]
    points = " ".join(f"{x + dx:.2f},{y + dy:.2f}" for dx, dy in offsets)
    return tag("polygon", content, points=points, fill=fill)
