"""Writing SVG: elements, text and numbers, the same bytes every time."""

from __future__ import annotations

import unicodedata

from components.core.report.text import escape

_FONT_PX = 12.0


def tag(name: str, content: str = "", **attributes: object) -> str:
    """Writes one element.

    Args:
        name: The name of the element.
        content: Its inner markup, already escaped.
        **attributes: Its attributes in order; `_` is written `-`, numbers with two decimals.

    Returns:
        The markup.
    """
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


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value + 0.0:.2f}".replace("-0.00", "0.00")
    return escape(value)
