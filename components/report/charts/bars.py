"""Bars of several groups side by side, and estimates with their intervals below one another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.report.charts.drawing import (
    TONE_COLOURS,
    Axis,
    Frame,
    LegendItem,
    Sheet,
    category_axis,
    colour,
    draw_chart,
    draw_nothing,
    finite,
    label,
    lay_out,
    marker,
    numeric_axis,
    shorten,
    tag,
    text_width,
)
from components.report.text import TONE_WORDS, Tone, decimals_for, escape, format_value

_ROW_PX, _WIDTH_PX = 26.0, 500  # of intervals
_LONGEST_NAME = 26
_SWATCH = {"x": 4.0, "y": -5.0, "width": 16.0, "height": 10.0}
_SHAPES: dict[Tone, int] = {"good": 0, "warn": 2, "bad": 1, "neutral": 3}


@dataclass(frozen=True)
class Bars:
    """The bars of one group of the legend, one height a class; None or NaN is no bar."""

    name: str
    heights: Sequence[float | None]


def bar_chart(
    classes: Sequence[str],
    groups: Sequence[Bars],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    width: int = 480,
    height: int = 320,
) -> str:
    """Draws grouped bars, for example the distribution of a feature in training and live.

    Args:
        classes: The names of the classes or bins, in order.
        groups: The bars, one group for each distribution.
        title: What the chart shows.
        x_label: What the classes are.
        y_label: What the height measures.
        width: In px, as is `height`.
        height: The same.

    Returns:
        The SVG; it says `no data` if no bar has a finite height.
    """
    if any(len(group.heights) != len(classes) for group in groups):
        raise ValueError(f"bar chart {title!r}: a group has not {len(classes)} heights")
    legend = tuple(
        LegendItem(g.name, tag("rect", **_SWATCH, **_paint(i)))
        for i, g in enumerate(groups)
        if g.name
    )
    sheet = Sheet(width, height, title, legend)
    heights = [h for group in groups for h in map(finite, group.heights) if h is not None]
    if not heights:
        return draw_nothing(sheet)
    y_axis = numeric_axis([0.0, *heights], y_label)
    frame = lay_out(sheet, category_axis([str(name) for name in classes], x_label), y_axis)
    marks = "".join(
        _draw_bar(frame, (slot, index, len(groups)), finite(value), f"{group.name}: {name}")
        for index, group in enumerate(groups)
        for slot, (name, value) in enumerate(zip(classes, group.heights, strict=True))
    )
    names = ", ".join(group.name for group in groups if group.name)
    return draw_chart(sheet, frame, marks, f"{len(classes)} classes; {names}")


@dataclass(frozen=True)
class ErrorBar:
    """One estimate with its interval, its tone and a limit of its own."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    tone: Tone = "neutral"
    limit: float | None = None


def interval_chart(
    intervals: Sequence[ErrorBar],
    *,
    title: str = "",
    x_label: str = "",
    limit: float | None = None,
) -> str:
    """Draws a forest plot around zero, for example of bootstrap differences between two models.

    Args:
        intervals: The estimates, from top to bottom.
        title: What the chart shows.
        x_label: What the horizontal axis measures.
        limit: A limit for all estimates.

    Returns:
        The SVG; it says `no data` if no estimate is finite.
    """
    has_limit = any(finite(x) is not None for x in (limit, *(one.limit for one in intervals)))
    legend = (LegendItem("limit", _limit_line(11.0, -7.0, 7.0)),) if has_limit else ()
    below = 26 + (18 if x_label else 0) + (18 if legend else 0) + 6
    height = (32 if title else 12) + int(_ROW_PX) * len(intervals) + below
    sheet = Sheet(_WIDTH_PX, max(height, 120), title, legend)
    if all(finite(one.estimate) is None for one in intervals):
        return draw_nothing(sheet)
    columns = ((one.estimate, one.low, one.high, one.limit) for one in intervals)
    values = [*(x for row in columns for x in row), limit, 0.0]
    axis = numeric_axis([x for x in map(finite, values) if x is not None], x_label)
    frame = _lay_out(sheet, intervals, axis)
    marks = _zero_line(frame)
    overall = finite(limit)
    if overall is not None:
        marks += _limit_line(frame.px(overall), frame.top, frame.bottom)
    marks += "".join(_draw_interval(frame, one, i) for i, one in enumerate(intervals))
    texts = "".join(_draw_texts(frame, one, i, sheet) for i, one in enumerate(intervals))
    spoken = (f"{one.name}: {_numbers(one)}, {TONE_WORDS[one.tone]}" for one in intervals)
    return draw_chart(sheet, frame, marks, "; ".join(spoken), texts)


def _draw_bar(frame: Frame, place: tuple[int, int, int], value: float | None, name: str) -> str:
    if value is None:
        return ""
    slot, index, groups = place
    wide = 0.8 / groups
    left = frame.px(slot - 0.4 + wide * index)
    zero, end = frame.py(min(max(0.0, frame.y_axis.low), frame.y_axis.high)), frame.py(value)
    return tag(
        "rect",
        tag("title", escape(f"{name}, {format_value(value)}")),
        x=left,
        y=min(zero, end),
        width=(frame.px(slot - 0.4 + wide * (index + 1)) - left) * 0.94,
        height=abs(zero - end),
        **_paint(index),
    )


def _paint(index: int) -> dict[str, str]:
    """Fills every other group lightly, so that neighbours differ without colour too."""
    opacity = "0.3" if index % 2 == 0 else "0.9"
    return {"fill": colour(index), "fill_opacity": opacity, "stroke": colour(index)}


def _lay_out(sheet: Sheet, intervals: Sequence[ErrorBar], axis: Axis) -> Frame:
    left = 16 + max(text_width(shorten(one.name, _LONGEST_NAME)) for one in intervals)
    right = sheet.width - 20 - max(text_width(_numbers(one)) for one in intervals)
    if right - left <= 200:
        axis = replace(axis, ticks=axis.ticks[::2], labels=axis.labels[::2])
    bottom = sheet.top + _ROW_PX * len(intervals)
    return Frame(left, sheet.top, right, bottom, axis, Axis(0.0, 1.0, (), ()))


def _row_y(frame: Frame, index: int) -> float:
    return frame.top + _ROW_PX * (index + 0.5)


def _draw_interval(frame: Frame, one: ErrorBar, index: int) -> str:
    y, fill = _row_y(frame, index), TONE_COLOURS[one.tone]
    estimate, low, high, limit = map(finite, (one.estimate, one.low, one.high, one.limit))
    parts = []
    if limit is not None:
        parts.append(_limit_line(frame.px(limit), y - 10, y + 10))
    if low is not None and high is not None:
        a, b = frame.px(low), frame.px(high)
        path = f"M{a:.2f},{y:.2f}H{b:.2f}M{a:.2f},{y - 4:.2f}v8M{b:.2f},{y - 4:.2f}v8"
        parts.append(tag("path", d=path, stroke=fill, stroke_width="2"))
    if estimate is not None:
        hover = tag("title", escape(f"{one.name}: {_numbers(one)}"))
        parts.append(marker(_SHAPES[one.tone], frame.px(estimate), y, fill, hover))
    return "".join(parts)


def _draw_texts(frame: Frame, one: ErrorBar, index: int, sheet: Sheet) -> str:
    y = _row_y(frame, index) + 4
    name = label(frame.left - 8, y, shorten(one.name, _LONGEST_NAME), text_anchor="end")
    numbers = label(sheet.width - 8.0, y, _numbers(one), text_anchor="end", fill_opacity="0.8")
    return name + numbers


def _numbers(one: ErrorBar) -> str:
    if finite(one.estimate) is None:
        return "no data"
    places = decimals_for((one.estimate, one.low, one.high))
    estimate, low, high = (format_value(x, places) for x in (one.estimate, one.low, one.high))
    return f"{estimate} [{low}, {high}]"


def _zero_line(frame: Frame) -> str:
    x = frame.px(0.0)
    path = f"M{x:.2f},{frame.top:.2f}V{frame.bottom:.2f}"
    return tag("path", d=path, stroke="currentColor", stroke_opacity="0.6")


def _limit_line(x: float, y1: float, y2: float) -> str:
    path = f"M{x:.2f},{y1:.2f}V{y2:.2f}"
    return tag(
        "path", d=path, stroke=TONE_COLOURS["bad"], stroke_width="1.5", stroke_dasharray="4 3"
    )
