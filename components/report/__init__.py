"""HTML reports: one self-contained file each, built from a few blocks and SVG charts."""

from components.report.blocks import Banner, Block, Figure, Note, Row, Section
from components.report.charts.bars import Bars, ErrorBar, bar_chart, interval_chart
from components.report.charts.line import Series, line_chart
from components.report.page import Page, render, step_page
from components.report.tables import Facts, Findings, Links, Table
from components.report.text import Tone

__all__ = [
    "Banner",
    "Bars",
    "Block",
    "ErrorBar",
    "Facts",
    "Figure",
    "Findings",
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
    "step_page",
]
