"""The findings of a verdict: what was measured, what the limit was, and what that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from components.core.report.text import escape, format_value
from components.core.report.tone import TONE_SYMBOLS, Tone, tone_of

_ORDER: tuple[Tone, ...] = ("bad", "warn", "neutral", "good")


class FindingLike(Protocol):
    """Anything that reads like a finding; a verdict's own findings do."""

    @property
    def severity(self) -> object:
        """How much it matters: a word such as `error`, or an enum member with such a value."""

    @property
    def code(self) -> str:
        """The name of the check."""

    @property
    def subject(self) -> str:
        """What was checked, for example a feature."""

    @property
    def measured(self) -> object:
        """What was found."""

    @property
    def limit(self) -> object:
        """What would have been accepted."""

    @property
    def sentence(self) -> str:
        """What that means."""


@dataclass(frozen=True)
class Finding:
    """One finding, for a caller that has no verdict at hand."""

    severity: str
    code: str
    subject: str
    measured: object
    limit: object
    sentence: str


@dataclass(frozen=True)
class Findings:
    """The findings, worst first; equal ones keep their order.

    Attributes:
        rows: The findings.
        caption: What they are about.
    """

    rows: Sequence[FindingLike]
    caption: str = "Findings"

    def html(self, level: int) -> str:
        """Draws the findings as a table, or says that there are none."""
        if not self.rows:
            return f'<p class="quiet">{escape(self.caption)}: none.</p>\n'
        ordered = sorted(self.rows, key=lambda row: _ORDER.index(tone_of(row.severity)))
        head = "".join(
            f'<th scope="col"{kind}>{name}</th>'
            for name, kind in (
                ("Severity", ""),
                ("Finding", ""),
                ("Measured", ' class="num"'),
                ("Limit", ' class="num"'),
            )
        )
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(self.caption)}">'
            f'<table class="findings"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(_row(row) for row in ordered)}</tbody></table></div>\n"
        )


def _row(row: FindingLike) -> str:
    tone = tone_of(row.severity)
    mark = f'<span class="mark" aria-hidden="true">{TONE_SYMBOLS[tone]}</span>'
    origin = " \u00b7 ".join(
        f"<code>{escape(part)}</code>" for part in (row.code, row.subject) if part
    )
    return (
        f'<tr class="{tone}"><th scope="row">{mark}{escape(format_value(row.severity))}</th>'
        f"<td>{escape(row.sentence)}<br><small>{origin}</small></td>"
        f'<td class="num">{escape(format_value(row.measured))}</td>'
        f'<td class="num">{escape(format_value(row.limit))}</td></tr>'
    )
