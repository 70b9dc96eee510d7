"""The blocks of a report: banner, sections, notes, figures, and blocks side by side."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from components.report.text import TONE_SYMBOLS, TONE_WORDS, Tone, escape

_FORBIDDEN = frozenset({"script", "foreignObject", "image", "use", "a", "style"})  # in a picture


class Block(Protocol):
    """One piece of a page."""

    def html(self, level: int) -> str:
        """Draws the block with all user text escaped; its headings begin at `level`."""
        ...


@dataclass(frozen=True)
class Banner:
    """The word of the decision and its reason in a sentence; the first thing on a page."""

    decision: str
    sentence: str
    tone: Tone = "neutral"

    def html(self, level: int) -> str:
        """Draws the banner with a shape and a colour beside the word."""
        return (
            f'<section class="banner {self.tone}" aria-label="Decision">'
            f'<span class="mark" aria-hidden="true">{TONE_SYMBOLS[self.tone]}</span>'
            f'<div><p class="decision">{escape(self.decision)}'
            f'<span class="hidden"> ({TONE_WORDS[self.tone]})</span></p>'
            f"<p>{escape(self.sentence)}</p></div></section>\n"
        )


@dataclass(frozen=True)
class Section:
    """A heading, what it is about, and the blocks under it."""

    title: str
    text: str = ""
    blocks: Sequence[Block] = ()

    def html(self, level: int) -> str:
        """Draws the section; headings of sections inside it are one level lower."""
        heading = f"h{min(level, 6)}"
        inner = "".join(block.html(level + 1) for block in self.blocks)
        return (
            f"<section>\n<{heading}>{escape(self.title)}</{heading}>\n"
            f"{_paragraphs(self.text)}{inner}</section>\n"
        )


@dataclass(frozen=True)
class Row:
    """Blocks side by side, one below the other where the frame is narrow."""

    blocks: Sequence[Block]

    def html(self, level: int) -> str:
        """Draws the blocks as the cells of a wrapping grid."""
        cells = "".join(f"<div>{block.html(level)}</div>" for block in self.blocks)
        return f'<div class="row">{cells}</div>\n'


@dataclass(frozen=True)
class Note:
    """A remark in plain text; a blank line begins a new paragraph."""

    text: str
    tone: Tone = "neutral"

    def html(self, level: int) -> str:
        """Draws the remark; one that is not neutral says its tone in a word."""
        word = "" if self.tone == "neutral" else f"<strong>{TONE_WORDS[self.tone]}</strong>"
        return f'<aside class="note {self.tone}">{word}{_paragraphs(self.text)}</aside>\n'


@dataclass(frozen=True)
class Figure:
    """A chart, as the chart functions return it, and what the reader should see in it."""

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


def _paragraphs(text: str) -> str:
    parts = (part.strip() for part in text.split("\n\n"))
    return "".join(f"<p>{escape(part)}</p>\n" for part in parts if part)
