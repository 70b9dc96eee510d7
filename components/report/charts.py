"""Charts as SVG text: lines over numbers or names, grouped bars, and estimates with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.report.drawing import (
    TONE_COLOURS,
    Axis,
    Frame,
    LegendItem,
    Sheet,
    category_axis,
    colour,
    dash,
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

Point = tuple[float, float]

_SEEN_PX = 0.5
_MOST_MARKERS = 40
_HEIGHT_PX = 320
_SHAPES: dict[Tone, int] = {"good": 0, "warn": 2, "bad": 1, "neutral": 3}
_SWATCH = {"x": 4.0, "y": -5.0, "width": 16.0, "height": 10.0}
_ROW_PX, _WIDTH_PX = 26.0, 500  # of intervals
_LONGEST_NAME = 26


@dataclass(frozen=True)
class Series:
    """One line of the legend.

    Attributes:
        name: What the legend calls it.
        x: Numbers, or names such as months.
        y: One number for each x; None or NaN leaves a gap.
    """

    name: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float | None]

    def __post_init__(self) -> None:
        """Refuses coordinates that do not pair up."""
        if len(self.y) != len(self.x):
            raise ValueError(f"series {self.name!r}: x and y differ in length")


def line_chart(
    series: Sequence[Series],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    diagonal: bool = False,
    width: int = 480,
) -> str:
    """Draws lines.

    Args:
        series: The lines; if any x is a name, all are names.
        title: What the chart shows.
        x_label: What the horizontal axis measures.
        y_label: What the vertical axis measures.
        x_range: Where the horizontal axis begins and ends; from the data if not given.
        y_range: The same for the vertical axis.
        diagonal: Whether to draw y = x, the line of chance or of perfect calibration.
        width: In px.

    Returns:
        The SVG; it says `no data` if no point has finite coordinates.
    """
    names = _category_names(series)
    lines = [_places(one, names) for one in series]
    sheet = Sheet(width, _HEIGHT_PX, title, _legend(series))
    points = [p for line in lines for p in line if p is not None]
    if not points:
        return draw_nothing(sheet)
    y_axis = numeric_axis((y for _, y in points), y_label, y_range)
    numbers = numeric_axis((x for x, _ in points), x_label, x_range)
    frame = lay_out(sheet, category_axis(names, x_label) if names else numbers, y_axis)
    marks = _draw_diagonal(frame) if diagonal else ""
    marks += "".join(_draw_series(frame, line, i, series[i]) for i, line in enumerate(lines))
    return draw_chart(sheet, frame, marks, _describe(series))


def _category_names(series: Sequence[Series]) -> list[str]:
    if not any(isinstance(x, str) for one in series for x in one.x):
        return []
    columns = [[str(x) for x in one.x] for one in series]
    names = list(dict.fromkeys(name for column in columns for name in column))
    # Months that one line lacks must not be put at the end.
    return sorted(names) if all(column == sorted(column) for column in columns) else names


def _places(one: Series, names: list[str]) -> list[Point | None]:
    slots = {name: float(index) for index, name in enumerate(names)}
    xs = [slots[str(x)] if names else finite(float(x)) for x in one.x]
    pairs = zip(xs, map(finite, one.y), strict=True)
    return [None if x is None or y is None else (x, y) for x, y in pairs]


def _draw_series(frame: Frame, line: Sequence[Point | None], index: int, one: Series) -> str:
    pen = {"stroke_width": "2", "stroke_linejoin": "round", "stroke_dasharray": dash(index)}
    parts = [
        tag("path", d=_path(run), fill="none", stroke=colour(index), **pen)
        for run in _runs(frame, line)
        if len(run) > 1
    ]
    places = [(x, p) for x, p in zip(one.x, line, strict=True) if p is not None]
    if len(places) <= _MOST_MARKERS:
        for x, (px, py) in places:
            hover = tag("title", escape(f"{one.name}: {format_value(x)}, {format_value(py)}"))
            parts.append(marker(index, frame.px(px), frame.py(py), colour(index), hover))
    return "".join(parts)


def _draw_diagonal(frame: Frame) -> str:
    low = max(frame.x_axis.low, frame.y_axis.low)
    high = min(frame.x_axis.high, frame.y_axis.high)
    line = _path([(frame.px(low), frame.py(low)), (frame.px(high), frame.py(high))])
    return tag("path", d=line, stroke="currentColor", stroke_opacity="0.5", stroke_dasharray="4 4")


def _legend(series: Sequence[Series]) -> tuple[LegendItem, ...]:
    entries = []
    for index, one in enumerate(series):
        ink, path = colour(index), "M0,0L22,0"
        line = tag("path", d=path, stroke=ink, stroke_width="2", stroke_dasharray=dash(index))
        if one.name:
            entries.append(LegendItem(one.name, line + marker(index, 11.0, 0.0, ink)))
    return tuple(entries)


def _describe(series: Sequence[Series]) -> str:
    ends = []
    for one in series:
        known = [y for y in map(finite, one.y) if y is not None]
        last = f", last {format_value(known[-1])}" if known else ", no data"
        ends.append(f"{one.name or 'line'}: {len(known)} points{last}")
    return "; ".join(ends)


def _runs(frame: Frame, line: Sequence[Point | None]) -> list[list[Point]]:
    """Cuts a line at its gaps, in px, and drops points that move it by less than half a px."""
    pieces: list[list[Point]] = [[]]
    for index, place in enumerate(line):
        if place is None:
            pieces.append([])
            continue
        x, y = frame.px(place[0]), frame.py(place[1])
        piece, is_end = pieces[-1], index + 1 == len(line) or line[index + 1] is None
        if is_end or not piece or abs(x - piece[-1][0]) + abs(y - piece[-1][1]) >= _SEEN_PX:
            piece.append((x, y))
    return [piece for piece in pieces if piece]


def _path(points: Sequence[Point]) -> str:
    """Writes points in px as the data of a path."""
    return "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points)


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
