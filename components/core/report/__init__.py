"""HTML reports: one self-contained file each, built from a few blocks and SVG charts."""

from components.core.report.blocks import Banner, Block, Note, Row, Section
from components.core.report.chart import (
    Bars,
    Interval,
    Series,
    bar_chart,
    interval_chart,
    line_chart,
)
from components.core.report.figure import Figure
from components.core.report.findings import Finding, FindingLike, Findings
from components.core.report.page import Page, render
from components.core.report.tables import Facts, Links, Table
from components.core.report.tone import Tone, tone_of

__all__ = [
    "Banner",
    "Bars",
    "Block",
    "Facts",
    "Figure",
    "Finding",
    "FindingLike",
    "Findings",
    "Interval",
    "Links",
    "Note",
    "Page",
    "Row",
    "Section",
    "Series",
    "Table",
    "Tone",
    "bar_chart",
    "interval_chart",
    "line_chart",
    "render",
    "tone_of",
]
