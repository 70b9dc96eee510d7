"""What every chart is drawn with: SVG elements, the legend, the axes and the frame they span."""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from components.report.text import Tone, escape

TONE_COLOURS: Mapping[Tone, str] = MappingProxyType(
    {"good": "#009E73", "warn": "#E69F00", "bad": "#D55E00", "neutral": "#0072B2"}
)
LINE_PX = 18.0  # of a legend
_SWATCH_PX = 26.0
_FONT_PX = 12.0
# Okabe and Ito (2008), without black and yellow, which vanish on one of the two backgrounds.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = (None, "7 4", "2 3", "9 3 2 3")
_HUGE, _TINY = 1e150, 1e-150  # beyond them a share may overflow or underflow
_CLOSE = 1e-9  # nearer numbers, relative to their size, have no ticks between them
_LONGEST_NAME = 18
_TURNED_PX = 22.0  # between two turned names, so that their lines do not touch
_TURN = math.radians(40)
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def tag(name: str, content: str = "", /, **attributes: object) -> str:
    """Writes one element around markup; `_` is written `-`, and numbers with two decimals."""
    pairs = "".join(
        f' {key.strip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{pairs}>{content}</{name}>" if content else f"<{name}{pairs}/>"


def label(x: float, y: float, content: str, **attributes: object) -> str:
    """Writes text at a point in the colour of the page's own text."""
    return tag("text", escape(content), x=x, y=y, fill="currentColor", **attributes)


def document(width: int, height: int, title: str, description: str, body: str) -> str:
    """Writes the whole picture, which a screen reader reads as its title and description."""
    spoken = ". ".join(part for part in (title, description) if part)
    return tag(
        "svg",
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
        role="img",
        aria_label=spoken or "chart",
        font_family="system-ui, sans-serif",
        font_size=f"{_FONT_PX:.0f}",
        style=f"min-width:{width * 7 // 10}px",
    )


def text_width(content: str) -> float:
    """Estimates the width of a label in px; a browser is not at hand to ask."""
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in content)
    return cells * _FONT_PX * 0.57


def shorten(content: str, most: int) -> str:
    """Cuts a label to the most characters it may have, and shows that it did."""
    return content if len(content) <= most else content[: most - 1].rstrip() + "\u2026"


def colour(index: int) -> str:
    """The colour of the n-th series."""
    return _COLOURS[index % len(_COLOURS)]


def dash(index: int) -> str | None:
    """The dash pattern of the n-th series."""
    return _DASHES[index % len(_DASHES)]


def marker(shape: int, x: float, y: float, fill: str, content: str = "") -> str:
    """Draws the n-th shape (circle, square, triangle, diamond) around a point."""
    if shape % 4 == 0:
        return tag("circle", content, cx=x, cy=y, r=3.5, fill=fill)
    if shape % 4 == 1:
        return tag("rect", content, x=x - 3.2, y=y - 3.2, width=6.4, height=6.4, fill=fill)
    offsets = (
        ((0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)),
        ((0.0, -4.8), (4.8, 0.0), (0.0, 4.8), (-4.8, 0.0)),
    )[shape % 4 - 2]
    points = " ".join(f"{x + dx:.2f},{y + dy:.2f}" for dx, dy in offsets)
    return tag("polygon", content, points=points, fill=fill)


@dataclass(frozen=True)
class LegendItem:
    """A name of a legend and its mark, drawn around the point (11, 0)."""

    name: str
    swatch: str


def legend_rows(
    entries: Sequence[LegendItem], width: float
) -> list[list[tuple[float, LegendItem]]]:
    """Breaks a legend into lines that fit the width; each entry has its distance from the left."""
    rows: list[list[tuple[float, LegendItem]]] = []
    x = width
    for entry in entries:
        wide = _SWATCH_PX + text_width(shorten(entry.name, 40)) + 16
        if x + wide > width - 16 or not rows:
            rows.append([])
            x = 0.0
        rows[-1].append((x, entry))
        x += wide
    return rows


def draw_legend(entries: Sequence[LegendItem], width: float, top: float) -> str:
    """Draws the legend from `top` down."""
    parts = []
    for index, row in enumerate(legend_rows(entries, width)):
        y = top + LINE_PX * index + 9
        for x, entry in row:
            text = label(_SWATCH_PX, 4.0, shorten(entry.name, 40))
            parts.append(tag("g", entry.swatch + text, transform=f"translate({x:.2f} {y:.2f})"))
    return "".join(parts)


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value + 0.0:.2f}".replace("-0.00", "0.00")
    return escape(value)


def finite(value: float | None) -> float | None:
    """The value as a float, or None if it cannot be drawn."""
    if value is None or not math.isfinite(value) or abs(value) > _HUGE:
        return None
    return float(value) if abs(value) > _TINY else 0.0


def is_range(low: float | None, high: float | None) -> bool:
    """Whether two numbers are far enough apart, in this order, to put ticks between them."""
    if low is None or high is None:
        return False
    return high - low > _CLOSE * max(abs(low), abs(high))


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Places the ticks of a range: the multiples of a nice step inside it."""
    step = _nice_step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{index * step:.12g}") + 0.0 for index in range(first, last + 1))


def nice_range(values: Iterable[float], count: int = 5) -> tuple[float, float]:
    """Widens the range of at least one finite value to nice ends, which always differ."""
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    if not is_range(low, high):
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    step = _nice_step(low, high, count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def tick_labels(ticks: Sequence[float]) -> tuple[str, ...]:
    """Writes the ticks of one axis with the same decimals and unit (k, M, G)."""
    if not ticks:
        return ()
    largest = max(abs(tick) for tick in ticks)
    step = min((b - a for a, b in pairwise(ticks)), default=largest or 1.0)
    if largest >= 1e12 or (largest > 0 and step < 1e-5):
        return tuple(f"{tick:.3g}" for tick in ticks)
    unit, suffix = next(((u, s) for u, s in _UNITS if largest >= 10 * u), (1.0, ""))
    decimals = min(max(0, -math.floor(math.log10(step / unit) + 1e-9)), 6)
    texts = (f"{tick / unit:.{decimals}f}{suffix if tick else ''}" for tick in ticks)
    return tuple(text.replace("-", "\u2212") for text in texts)


def _nice_step(low: float, high: float, count: int = 5) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that cuts a range in at most `count`."""
    raw = (high - low) / count
    power = math.floor(math.log10(raw))
    for factor in (1, 2, 5):
        step = float(f"{factor}e{power}")
        if step >= raw * (1 - 1e-9):
            return step
    return float(f"1e{power + 1}")


@dataclass(frozen=True)
class Axis:
    """One direction of a chart; one of categories holds names, at 0, 1, 2 and so on."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    title: str = ""
    is_category: bool = False


@dataclass(frozen=True)
class Frame:
    """The rectangle in px that the data is drawn in, and its two axes."""

    left: float
    top: float
    right: float
    bottom: float
    x_axis: Axis
    y_axis: Axis

    def px(self, value: float) -> float:
        """Says how far to the right a value is drawn."""
        share = (value - self.x_axis.low) / (self.x_axis.high - self.x_axis.low)
        return self.left + share * (self.right - self.left)

    def py(self, value: float) -> float:
        """Says how far down a value is drawn."""
        share = (value - self.y_axis.low) / (self.y_axis.high - self.y_axis.low)
        return self.bottom - share * (self.bottom - self.top)


def numeric_axis(
    values: Iterable[float], title: str = "", limits: tuple[float, float] | None = None
) -> Axis:
    """Makes an axis of numbers, its ends from the finite values if no usable limits are given."""
    usable = limits is not None and is_range(*map(finite, limits))
    low, high = limits if limits is not None and usable else nice_range(values)
    ticks = nice_ticks(low, high)
    return Axis(low, high, ticks, tick_labels(ticks), title)


def category_axis(names: Sequence[str], title: str = "") -> Axis:
    """Makes an axis of names, each in the middle of its own slot."""
    labels = tuple(shorten(name, _LONGEST_NAME) for name in names)
    ticks = tuple(float(index) for index in range(len(names)))
    return Axis(-0.5, len(names) - 0.5, ticks, labels, title, is_category=True)


def label_step(labels: Sequence[str], slot_px: float) -> tuple[int, bool]:
    """Every how many-th name of a category axis fits its slot, and whether the names are turned."""
    widest = max((text_width(text) for text in labels), default=0.0)
    if slot_px >= _TURNED_PX and widest + 8 > slot_px:
        return 1, True
    return max(1, math.ceil((widest + 8) / slot_px)), False


def draw_grid(frame: Frame) -> str:
    """Draws the lines that the data is read against."""
    ys = [frame.py(tick) for tick in frame.y_axis.ticks]
    xs = [] if frame.x_axis.is_category else [frame.px(tick) for tick in frame.x_axis.ticks]
    across = {"x1": frame.left, "x2": frame.right}
    lines = [tag("line", **across, y1=y, y2=y) for y in ys]
    lines += [tag("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom) for x in xs]
    grid = tag("g", "".join(lines), stroke="currentColor", stroke_opacity="0.14")
    low, ink = frame.bottom, "currentColor"
    return grid + tag("line", **across, y1=low, y2=low, stroke=ink, stroke_opacity="0.6")


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


@dataclass(frozen=True)
class Sheet:
    """The paper of a chart: its size, what is written above it, and its legend below."""

    width: int
    height: int
    title: str
    legend: tuple[LegendItem, ...] = ()

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
