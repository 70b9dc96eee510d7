"""A whole report as one HTML file that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from components.core.spans import format_instant
from components.core.verdict import Finding
from components.report.blocks import Banner, Block
from components.report.style import STYLESHEET
from components.report.tables import Facts, Findings
from components.report.text import escape

# Even if something slipped through the escaping, the browser would load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


@dataclass(frozen=True)
class Page:
    """A report, its blocks in reading order: the decision first, then pictures, then tables."""

    title: str
    subtitle: str = ""
    blocks: Sequence[Block] = ()


def step_page(
    title: str,
    *,
    banner: Banner | None = None,
    about: str = "",
    as_of: datetime | None = None,
    facts: Sequence[tuple[str, object]] = (),
    findings: Sequence[Finding] | None = None,
    blocks: Sequence[Block] = (),
) -> str:
    """Writes the page of a step: its decision, the facts, what was checked, and the rest.

    Args:
        title: What the page is about, such as ``flights: training``.
        banner: The decision; None if the step decides nothing.
        about: What the subtitle names, such as a version.
        as_of: The instant that the subtitle ends with.
        facts: Names and values.
        findings: What was checked; None if nothing was, or if it stands among the blocks.
        blocks: Everything below.
    """
    subtitle = " ".join(
        part for part in (about, f"as of {format_instant(as_of)}" if as_of else "") if part
    )
    head: list[Block] = [banner] if banner else []
    head += [Facts(facts)] if facts else []
    head += [Findings(findings, "What was checked")] if findings is not None else []
    return render(Page(title, subtitle, (*head, *blocks)))


def render(page: Page) -> str:
    """Writes a report as one self-contained HTML document.

    It has no script and no external resource; equal pages give equal bytes.
    """
    subtitle = f'<p class="subtitle">{escape(page.subtitle)}</p>\n' if page.subtitle else ""
    body = "".join(block.html(2) for block in page.blocks)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>\n{STYLESHEET}</style>\n</head>\n"
        f"<body>\n<main>\n<header>\n<h1>{escape(page.title)}</h1>\n{subtitle}</header>\n"
        f"{body}</main>\n</body>\n</html>\n"
    )
