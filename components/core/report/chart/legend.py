"""The legend of a chart: its entries, and how they break into lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.core.report.chart.svg import label, shorten, tag, text_width

LINE_PX: Final = 18.0
_SWATCH_PX = 26.0


@dataclass(frozen=True)
class Entry:
    """One line of a legend.

    Attributes:
        name: What is told apart.
        swatch: The mark, drawn around the point (11, 0).
    """

    name: str
    swatch: str


def legend_rows(entries: Sequence[Entry], width: float) -> list[list[tuple[float, Entry]]]:
    """Breaks a legend into lines that fit the width; each entry has its distance from the left."""
    rows: list[list[tuple[float, Entry]]] = []
    x = width
    for entry in entries:
        wide = _SWATCH_PX + text_width(shorten(entry.name, 40)) + 16
        if x + wide > width - 16 or not rows:
            rows.append([])
            x = 0.0
        rows[-1].append((x, entry))
        x += wide
    return rows


def draw_legend(entries: Sequence[Entry], width: float, top: float) -> str:
    """Draws the legend from `top` down."""
    parts = []
    for index, row in enumerate(legend_rows(entries, width)):
        y = top + LINE_PX * index + 9
        for x, entry in row:
            text = label(_SWATCH_PX, 4.0, shorten(entry.name, 40))
            parts.append(tag("g", entry.swatch + text, transform=f"translate({x:.2f} {y:.2f})"))
    return "".join(parts)
