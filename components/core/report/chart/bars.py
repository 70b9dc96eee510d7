"""Bar charts: the same classes counted in several groups, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.core.report.chart.axes import Frame, category_axis, numeric_axis
from components.core.report.chart.layout import Sheet, draw_chart, draw_nothing, lay_out
from components.core.report.chart.legend import Entry
from components.core.report.chart.palette import colour
from components.core.report.chart.scale import finite
from components.core.report.chart.svg import tag
from components.core.report.text import escape, format_value


@dataclass(frozen=True)
class Bars:
    """The bars of one group, for example of the training data.

    Attributes:
        name: What the legend calls the group.
        heights: One number for each class; `None` or NaN is no bar.
    """

    name: str
    heights: Sequence[float | None]


def bar_chart(
    classes: Sequence[str],
    groups: Sequence[Bars],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    y_range: tuple[float, float] | None = None,
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
        y_range: Where the vertical axis begins and ends; from zero and the data if not given.
        width: Of the picture in px.
        height: Of the picture in px.

    Returns:
        The SVG; it says `no data` if no bar has a finite height.
    """
    if any(len(group.heights) != len(classes) for group in groups):
        raise ValueError(f"bar chart {title!r}: a group has not {len(classes)} heights")
    legend = tuple(Entry(g.name, _swatch(i)) for i, g in enumerate(groups) if g.name)
    sheet = Sheet(width, height, title, legend)
    heights = [h for group in groups for h in map(finite, group.heights) if h is not None]
    if not heights:
        return draw_nothing(sheet)
    y_axis = numeric_axis([0.0, *heights], y_label, y_range)
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


def _swatch(index: int) -> str:
    return tag("rect", x=4.0, y=-5.0, width=16.0, height=10.0, **_paint(index))


def _paint(index: int) -> dict[str, str]:
    """Fills every other group lightly, so that neighbours differ without colour too."""
    opacity = "0.3" if index % 2 == 0 else "0.9"
    return {"fill": colour(index), "fill_opacity": opacity, "stroke": colour(index)}
