"""Writes SVG, the same bytes every time: elements, text, marks and the legend of a chart."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.report.text import Tone, escape

TONE_COLOURS: Final[Mapping[Tone, str]] = MappingProxyType(
    {"good": "#009E73", "warn": "#E69F00", "bad": "#D55E00", "neutral": "#0072B2"}
)
LINE_PX: Final = 18.0  # of a legend
_SWATCH_PX = 26.0
_FONT_PX = 12.0
# Okabe and Ito (2008), without black and yellow, which vanish on one of the two backgrounds.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = (None, "7 4", "2 3", "9 3 2 3")


def tag(name: str, content: str = "", **attributes: object) -> str:
    """Writes one element around markup; `_` is written `-`, and numbers with two decimals."""
    pairs = "".join(
        f' {key.strip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{pairs}>{content}</{name}>" if content else f"<{name}{pairs}/>"


def label(x: float, y: float, content: str, **attributes: object) -> str:
    """Writes text at a point in the colour of the page's own text."""
    return tag("text", escape(content), x=x, y=y, fill="currentColor", **attributes)


def document(width: int, height: int, title: str, description: str, body: str) -> str:
    """Writes the whole picture, which a screen reader reads as its title and description."""
    spoken = ". ".join(part for part in (title, description) if part)
    return tag(
        "svg",
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
        role="img",
        aria_label=spoken or "chart",
        font_family="system-ui, sans-serif",
        font_size=f"{_FONT_PX:.0f}",
        style=f"min-width:{width * 7 // 10}px",
    )


def text_width(content: str) -> float:
    """Estimates the width of a label in px; a browser is not at hand to ask."""
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in content)
    return cells * _FONT_PX * 0.57


def shorten(content: str, most: int) -> str:
    """Cuts a label to the most characters it may have, and shows that it did."""
    return content if len(content) <= most else content[: most - 1].rstrip() + "\u2026"


def colour(index: int) -> str:
    """The colour of the n-th series."""
    return _COLOURS[index % len(_COLOURS)]


def dash(index: int) -> str | None:
    """The dash pattern of the n-th series."""
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


@dataclass(frozen=True)
class LegendItem:
    """A name of a legend and its mark, drawn around the point (11, 0)."""

    name: str
    swatch: str


def legend_rows(
    entries: Sequence[LegendItem], width: float
) -> list[list[tuple[float, LegendItem]]]:
    """Breaks a legend into lines that fit the width; each entry has its distance from the left."""
    rows: list[list[tuple[float, LegendItem]]] = []
    x = width
    for entry in entries:
        wide = _SWATCH_PX + text_width(shorten(entry.name, 40)) + 16
        if x + wide > width - 16 or not rows:
            rows.append([])
            x = 0.0
        rows[-1].append((x, entry))
        x += wide
    return rows


def draw_legend(entries: Sequence[LegendItem], width: float, top: float) -> str:
    """Draws the legend from `top` down."""
    parts = []
    for index, row in enumerate(legend_rows(entries, width)):
        y = top + LINE_PX * index + 9
        for x, entry in row:
            text = label(_SWATCH_PX, 4.0, shorten(entry.name, 40))
            parts.append(tag("g", entry.swatch + text, transform=f"translate({x:.2f} {y:.2f})"))
    return "".join(parts)


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value + 0.0:.2f}".replace("-0.00", "0.00")
    return escape(value)
