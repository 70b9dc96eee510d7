"""Line charts: curves over a number (ROC, calibration) and trends over names (months)."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.report.charts.drawing import (
    Frame,
    LegendItem,
    Sheet,
    category_axis,
    colour,
    dash,
    draw_chart,
    draw_nothing,
    finite,
    lay_out,
    marker,
    numeric_axis,
    tag,
)
from components.report.text import escape, format_value

Point = tuple[float, float]

_SEEN_PX = 0.5
_MOST_MARKERS = 40
_HEIGHT_PX = 320


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
