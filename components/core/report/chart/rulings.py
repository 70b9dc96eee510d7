"""What is drawn for the axes: grid lines, the labels of the ticks, the titles."""

from __future__ import annotations

import math
from collections.abc import Sequence

from components.core.report.chart.axes import Frame
from components.core.report.chart.svg import label, tag, text_width

_TURNED_PX = 22.0  # between two turned names, so that their lines do not touch


def label_step(labels: Sequence[str], slot_px: float) -> tuple[int, bool]:
    """Decides how the names of a category axis fit without touching each other.

    Args:
        labels: The names.
        slot_px: The room of one name.

    Returns:
        Every how many-th name is written, and whether the names are turned.
    """
    widest = max((text_width(text) for text in labels), default=0.0)
    if slot_px >= _TURNED_PX and widest + 8 > slot_px:
        return 1, True
    return max(1, math.ceil((widest + 8) / slot_px)), False


def draw_grid(frame: Frame) -> str:
    """Draws the lines that the data is read against."""
    ys = [frame.py(tick) for tick in frame.y_axis.ticks]
    xs = [] if frame.x_axis.is_category else [frame.px(tick) for tick in frame.x_axis.ticks]
    lines = [tag("line", x1=frame.left, x2=frame.right, y1=y, y2=y) for y in ys]
    lines += [tag("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom) for x in xs]
    base = tag(
        "line",
        x1=frame.left,
        x2=frame.right,
        y1=frame.bottom,
        y2=frame.bottom,
        stroke="currentColor",
        stroke_opacity="0.6",
    )
    return tag("g", "".join(lines), stroke="currentColor", stroke_opacity="0.14") + base


def draw_y_labels(frame: Frame) -> str:
    """Writes the numbers and the title left of the frame."""
    ticks = zip(frame.y_axis.ticks, frame.y_axis.labels, strict=True)
    parts = [label(frame.left - 7, frame.py(t) + 4, text, text_anchor="end") for t, text in ticks]
    if frame.y_axis.title:
        middle = (frame.top + frame.bottom) / 2
        turn = f"rotate(-90 13 {middle:.2f})"
        parts.append(label(13.0, middle, frame.y_axis.title, text_anchor="middle", transform=turn))
    return "".join(parts)


def draw_x_labels(frame: Frame, title_y: float) -> str:
    """Writes the numbers or names under the frame, and the axis title at `title_y`."""
    axis = frame.x_axis
    slot = (frame.right - frame.left) / max(len(axis.ticks), 1)
    step, turned = label_step(axis.labels, slot) if axis.is_category else (1, False)
    parts = []
    for tick, text in list(zip(axis.ticks, axis.labels, strict=True))[::step]:
        x, y = frame.px(tick), frame.bottom + (14 if turned else 17)
        if turned:
            turn = f"rotate(-40 {x + 3:.2f} {y:.2f})"
            parts.append(label(x + 3, y, text, text_anchor="end", transform=turn))
            continue
        most = frame.right + 13 - text_width(text) / 2
        if step == 1 or x <= most:  # pushed back in; of a thinned axis the last name can go
            parts.append(label(min(x, most), y, text, text_anchor="middle"))
    if axis.title:
        middle = (frame.left + frame.right) / 2
        parts.append(label(middle, title_y, axis.title, text_anchor="middle"))
    return "".join(parts)
