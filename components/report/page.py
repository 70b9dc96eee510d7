"""A whole report as one HTML file that needs nothing else."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from components.core.spans import format_instant
from components.core.verdict import Finding
from components.report.blocks import Banner, Block, Facts, Findings
from components.report.text import escape

_STYLESHEET = Path(__file__).with_name("page.css")
# Even if something slipped through the escaping, the browser would load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def build_page(
    title: str,
    *,
    banner: Banner | None = None,
    about: str = "",
    as_of: datetime | None = None,
    facts: Sequence[tuple[str, object]] = (),
    findings: Sequence[Finding] | None = None,
    blocks: Sequence[Block] = (),
) -> str:
    """Writes a report as one self-contained HTML document, the decision first.

    It has no script and no external resource; equal pages give equal bytes.

    Args:
        title: What the page is about, such as ``flights: training``.
        banner: The decision; None if none is made.
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
    body = "".join(block.html(2) for block in (*head, *blocks))
    return _document(title, subtitle, body)


def _document(title: str, subtitle: str, body: str) -> str:
    style = _STYLESHEET.read_text(encoding="utf-8")
    under = f'<p class="subtitle">{escape(subtitle)}</p>\n' if subtitle else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n<header>\n<h1>{escape(title)}</h1>\n{under}</header>\n"
        f"{body}</main>\n</body>\n</html>\n"
    )
