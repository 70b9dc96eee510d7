"""How the points of a line become paths: gaps stay gaps, and nothing too small to see is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from components.core.report.chart.axes import Frame

Point: TypeAlias = tuple[float, float]

_SEEN_PX = 0.5


def runs(frame: Frame, line: Sequence[Point | None]) -> list[list[Point]]:
    """Cuts a line at its gaps and drops points that move it by less than half a px.

    Args:
        frame: Where the line is drawn.
        line: Its points in units of the axes; `None` is a gap.

    Returns:
        The pieces between the gaps, in px; the ends of a piece are always kept.
    """
    pieces: list[list[Point]] = [[]]
    for index, place in enumerate(line):
        if place is None:
            pieces.append([])
            continue
        point = (frame.px(place[0]), frame.py(place[1]))
        is_end = index + 1 == len(line) or line[index + 1] is None
        if is_end or not pieces[-1] or _distance(point, pieces[-1][-1]) >= _SEEN_PX:
            pieces[-1].append(point)
    return [piece for piece in pieces if piece]


def path(points: Sequence[Point]) -> str:
    """Writes points in px as the data of a path."""
    return "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points)


def outlines(
    frame: Frame, lower: Sequence[Point | None], upper: Sequence[Point | None]
) -> list[str]:
    """Writes the closed paths around a band, one for each stretch where both edges are known."""
    known = [low is not None and high is not None for low, high in zip(lower, upper, strict=True)]
    low_runs, high_runs = (
        runs(frame, [point if ok else None for point, ok in zip(edge, known, strict=True)])
        for edge in (lower, upper)
    )
    pairs = zip(low_runs, high_runs, strict=True)
    return [path([*low, *reversed(high)]) + "Z" for low, high in pairs]


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])
