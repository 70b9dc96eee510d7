"""A picture in a report."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from components.core.report.text import escape

_FORBIDDEN = frozenset({"script", "foreignObject", "image", "use", "a", "style"})


@dataclass(frozen=True)
class Figure:
    """A chart and what it shows.

    Attributes:
        svg: The markup of one SVG element, as the chart functions return it.
        caption: What the reader should see in it.
    """

    svg: str
    caption: str = ""

    def __post_init__(self) -> None:
        """Refuses markup that is no still picture: it goes into the page unescaped."""
        try:
            root = ET.fromstring(self.svg)  # noqa: S314 - our own charts
        except ET.ParseError as error:
            raise ValueError(f"figure {self.caption!r} is no well-formed SVG: {error}") from error
        names = [element.tag.rpartition("}")[2] for element in root.iter()]
        handlers = [a for element in root.iter() for a in element.attrib if a.startswith("on")]
        if names[0] != "svg" or handlers or not _FORBIDDEN.isdisjoint(names):
            raise ValueError(f"figure {self.caption!r} holds more than a still picture")

    def html(self, level: int) -> str:
        """Draws the picture; one wider than the frame is scrolled rather than made unreadable."""
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure><div class="scroll">{self.svg}</div>{caption}</figure>\n'
