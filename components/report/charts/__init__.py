"""Charts as SVG text: no script, no fonts, the same bytes for the same data."""

from components.report.charts.bars import Bars, ErrorBar, bar_chart, interval_chart
from components.report.charts.line import Series, line_chart

__all__ = ["Bars", "ErrorBar", "Series", "bar_chart", "interval_chart", "line_chart"]
