"""The blocks of a report: banner, sections, notes and figures; tables, facts and findings."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from components.core.verdict import Finding, Severity, worst_first
from components.report.text import (
    TONE_SYMBOLS,
    TONE_WORDS,
    Tone,
    decimals_for,
    escape,
    format_value,
    is_number,
)

_TONES: dict[Severity, Tone] = {
    Severity.INFO: "neutral",
    Severity.WARN: "warn",
    Severity.FAIL: "bad",
}
_FINDING_HEAD = (
    '<th scope="col">Severity</th><th scope="col">Finding</th>'
    '<th scope="col" class="num">Measured</th><th scope="col" class="num">Limit</th>'
)
_SAFE_SCHEMES = ("https://", "http://", "mailto:", "#", "./", "../", "/")
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
            f'{_mark(self.tone)}<div><p class="decision">{escape(self.decision)}'
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


@dataclass(frozen=True)
class Table:
    """Rows under named columns; a long table is folded.

    Attributes:
        columns: The names of the columns.
        rows: The cells; the first one of a row names the row.
        caption: What the table shows.
        numeric: Columns set to the right with even digits, besides those that hold only numbers.
        tones: The tone of each row, or nothing for no tones.
        fold_after: The most rows that are shown unfolded.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    numeric: Sequence[str] = ()
    tones: Sequence[Tone | None] = ()
    fold_after: int = 12

    def __post_init__(self) -> None:
        """Refuses rows and tones that do not fit the columns and rows."""
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of table {self.caption!r} has not {len(self.columns)} cells")
        if self.tones and len(self.tones) != len(self.rows):
            raise ValueError(f"{len(self.tones)} tones for {len(self.rows)} rows")

    def html(self, level: int) -> str:
        """Draws the table, inside a fold if it is long."""
        folded = len(self.rows) > self.fold_after
        caption = "" if folded or not self.caption else f"<caption>{escape(self.caption)}</caption>"
        inner = f"<table>{caption}{self._head()}{self._body()}</table>"
        table = _scrolled(self.caption or "table", inner)
        if not folded:
            return table
        summary = f"{escape(self.caption or 'Table')} <small>({len(self.rows):,} rows)</small>"
        return f"<details><summary>{summary}</summary>{table}</details>\n"

    def _head(self) -> str:
        cells = (
            f'<th scope="col"{_number_class(self._is_numeric(i))}>{escape(name)}</th>'
            for i, name in enumerate(self.columns)
        )
        return f"<thead><tr>{''.join(cells)}</tr></thead>"

    def _body(self) -> str:
        if not self.rows:
            return f'<tbody><tr><td colspan="{max(len(self.columns), 1)}">no rows</td></tr></tbody>'
        numeric = [self._is_numeric(i) for i in range(len(self.columns))]
        decimals = [decimals_for(self._cells(i)) for i in range(len(self.columns))]
        tones = self.tones or [None] * len(self.rows)
        rows = (_row(r, numeric, decimals, t) for r, t in zip(self.rows, tones, strict=True))
        return f"<tbody>{''.join(rows)}</tbody>"

    def _cells(self, index: int) -> list[object]:
        return [row[index] for row in self.rows if row[index] is not None]

    def _is_numeric(self, index: int) -> bool:
        cells = self._cells(index)
        named = self.columns[index] in self.numeric
        return named or (bool(cells) and all(is_number(cell) for cell in cells))


@dataclass(frozen=True)
class Facts:
    """Names and values, for example where a model comes from."""

    pairs: Sequence[tuple[str, object]]

    def html(self, level: int) -> str:
        """Draws the pairs as a definition list."""
        items = (
            f"<div><dt>{escape(name)}</dt><dd>{escape(format_value(value))}</dd></div>"
            for name, value in self.pairs
        )
        return f'<dl class="facts">{"".join(items)}</dl>\n'


@dataclass(frozen=True)
class Links:
    """Labelled addresses; written out too, since the dashboard's frame may not let one leave."""

    pairs: Sequence[tuple[str, str]]

    def html(self, level: int) -> str:
        """Draws the list; an address that a browser would run as a program is only text."""
        items = "".join(f"<li>{_link(label, address)}</li>" for label, address in self.pairs)
        return f'<ul class="links">{items}</ul>\n'


def _row(
    cells: Sequence[object], numeric: Sequence[bool], decimals: Sequence[int], tone: Tone | None
) -> str:
    texts = [escape(format_value(c, d)) for c, d in zip(cells, decimals, strict=True)]
    if tone is not None:
        texts[0] = f'{_mark(tone)}<span class="hidden">{TONE_WORDS[tone]}: </span>{texts[0]}'
    parts = [f'<th scope="row"{_number_class(numeric[0])}>{texts[0]}</th>']
    parts += [
        f"<td{_number_class(n)}>{t}</td>" for t, n in zip(texts[1:], numeric[1:], strict=True)
    ]
    kind = f' class="{tone}"' if tone is not None else ""
    return f"<tr{kind}>{''.join(parts)}</tr>"


def _scrolled(label: str, table: str) -> str:
    region = f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">'
    return f"{region}{table}</div>\n"


def _mark(tone: Tone) -> str:
    return f'<span class="mark" aria-hidden="true">{TONE_SYMBOLS[tone]}</span>'


def _number_class(numeric: bool) -> str:
    return ' class="num"' if numeric else ""


def _link(label: str, address: str) -> str:
    if not address.strip().lower().startswith(_SAFE_SCHEMES):
        return f"{escape(label)} <code>{escape(address)}</code>"
    target = escape(address.strip())
    return f'<a href="{target}" rel="noopener noreferrer">{escape(label)}</a> <code>{target}</code>'


@dataclass(frozen=True)
class Findings:
    """The findings, worst first; equal ones keep their order."""

    rows: Sequence[Finding]
    caption: str = "Findings"

    def html(self, level: int) -> str:
        """Draws the findings as a table, or says that there are none."""
        if not self.rows:
            return f'<p class="quiet">{escape(self.caption)}: none.</p>\n'
        rows = "".join(_finding_row(row) for row in worst_first(self.rows))
        return _scrolled(
            self.caption,
            f'<table class="findings"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{_FINDING_HEAD}</tr></thead><tbody>{rows}</tbody></table>",
        )


def _finding_row(row: Finding) -> str:
    tone = _TONES[row.severity]
    parts = (f"<code>{escape(part)}</code>" for part in (row.code, row.subject) if part)
    origin = " \u00b7 ".join(parts)
    return (
        f'<tr class="{tone}"><th scope="row">{_mark(tone)}{escape(format_value(row.severity))}</th>'
        f"<td>{escape(row.sentence)}<br><small>{origin}</small></td>"
        f'<td class="num">{escape(format_value(row.measured))}</td>'
        f'<td class="num">{escape(format_value(row.limit))}</td></tr>'
    )
