"""Charts as SVG text: no script, no fonts, the same bytes for the same data."""

from components.core.report.chart.bars import Bars, bar_chart
from components.core.report.chart.intervals import Interval, interval_chart
from components.core.report.chart.line import Series, line_chart

__all__ = ["Bars", "Interval", "Series", "bar_chart", "interval_chart", "line_chart"]
