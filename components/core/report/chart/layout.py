"""Where the parts of a chart stand: title, frame, axis labels, legend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.core.report.chart.axes import Axis, Frame
from components.core.report.chart.legend import LINE_PX, Entry, draw_legend, legend_rows
from components.core.report.chart.rulings import (
    draw_grid,
    draw_x_labels,
    draw_y_labels,
    label_step,
)
from components.core.report.chart.svg import document, label, tag, text_width

_TURN = math.radians(40)


@dataclass(frozen=True)
class Sheet:
    """The paper of a chart: its size, what is written above it, and its legend below."""

    width: int
    height: int
    title: str
    legend: tuple[Entry, ...] = ()

    @property
    def top(self) -> float:
        """Where the frame begins."""
        return 32.0 if self.title else 12.0

    @property
    def legend_top(self) -> float:
        """Where the legend begins."""
        return self.height - 4 - LINE_PX * len(legend_rows(self.legend, self.width))


def lay_out(sheet: Sheet, x_axis: Axis, y_axis: Axis) -> Frame:
    """Finds the frame that leaves exactly the room that labels and legend need."""
    wide = max((text_width(text) for text in y_axis.labels), default=0.0)
    left = 14 + wide + (18 if y_axis.title else 0)
    right = sheet.width - 14.0
    below = 26.0
    if x_axis.is_category:
        names = max((text_width(text) for text in x_axis.labels), default=0.0)
        slots = max(len(x_axis.labels), 1)
        if label_step(x_axis.labels, (right - left) / slots)[1]:
            left = max(left, names * math.cos(_TURN) + 4 - (right - left) / slots / 2)
            below = 30 + names * math.sin(_TURN)
    below += LINE_PX if x_axis.title else 0
    return Frame(left, sheet.top, right, sheet.legend_top - below, x_axis, y_axis)


def draw_chart(sheet: Sheet, frame: Frame, marks: str, description: str, beside: str = "") -> str:
    """Puts the marks into the frame and writes everything around it.

    Args:
        sheet: The paper.
        frame: Where the data is.
        marks: The markup of the data, in px of the paper.
        description: What a screen reader says after the title.
        beside: More markup, for what stands outside the frame.

    Returns:
        The markup of the whole picture.
    """
    body = (
        _draw_title(sheet)
        + draw_grid(frame)
        + _clip(frame, marks)
        + beside
        + draw_y_labels(frame)
        + draw_x_labels(frame, sheet.legend_top - 8)
        + draw_legend(sheet.legend, sheet.width, sheet.legend_top)
    )
    return document(sheet.width, sheet.height, sheet.title, description, body)


def draw_nothing(sheet: Sheet) -> str:
    """Draws the picture of a chart that has no finite number to show."""
    bare = Sheet(sheet.width, min(sheet.height, 160), sheet.title)
    box = tag(
        "rect",
        x=1.0,
        y=bare.top,
        width=bare.width - 2.0,
        height=bare.height - bare.top - 8,
        fill="none",
        stroke="currentColor",
        stroke_opacity="0.3",
        stroke_dasharray="4 4",
    )
    middle = (bare.top + bare.height) / 2
    text = label(bare.width / 2, middle, "no data", text_anchor="middle", fill_opacity="0.7")
    return document(bare.width, bare.height, bare.title, "no data", _draw_title(bare) + box + text)


def _draw_title(sheet: Sheet) -> str:
    """Writes the title above the frame."""
    return label(0.0, 16.0, sheet.title, font_weight="600") if sheet.title else ""


def _clip(frame: Frame, marks: str) -> str:
    """Cuts off what lies outside the frame; a nested picture does that without an id."""
    x, y = frame.left - 5, frame.top - 5
    width, height = frame.right - frame.left + 10, frame.bottom - frame.top + 10
    box = f"{x:.2f} {y:.2f} {width:.2f} {height:.2f}"
    return tag("svg", marks, x=x, y=y, width=width, height=height, viewBox=box, overflow="hidden")
