"""Ticks, ranges and labels of an axis, by tables made by hand."""

import math

import pytest

from components.report.drawing import (
    LegendItem,
    category_axis,
    finite,
    label,
    label_step,
    legend_rows,
    nice_range,
    nice_ticks,
    numeric_axis,
    shorten,
    tag,
    text_width,
    tick_labels,
)


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(0, 1, 0.2), (0, 5, 1), (0, 5.1, 2), (0, 30, 10), (-1, 1, 0.5), (0, 0.003, 0.001)],
)
def test_step_is_one_two_or_five(low: float, high: float, step: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[1] - ticks[0] == pytest.approx(step)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-1, 1, (-1.0, -0.5, 0.0, 0.5, 1.0)),
        (0.65, 0.8, (0.65, 0.7, 0.75, 0.8)),
        (3, 47, (10.0, 20.0, 30.0, 40.0)),
        (0, 330000, (0.0, 100000.0, 200000.0, 300000.0)),
    ],
)
def test_ticks_are_multiples_of_the_step(low: float, high: float, ticks: tuple[float]) -> None:
    assert nice_ticks(low, high) == ticks
    assert all(math.copysign(1, t) == 1 for t in ticks if t == 0)


@pytest.mark.parametrize(
    ("values", "ends"),
    [([3, 47], (0, 50)), ([0.71, 0.78], (0.7, 0.78)), ([5], (4.4, 5.6)), ([0, 0], (-1, 1))],
)
def test_range_ends_at_ticks(values: list[float], ends: tuple[float, float]) -> None:
    assert nice_range(values) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ((0.0, 0.5, 1.0), ("0.0", "0.5", "1.0")),
        ((-1.0, 0.0, 1.0), ("\u22121", "0", "1")),
        ((0.7, 0.75), ("0.70", "0.75")),
        ((0.0, 1000.0, 2000.0), ("0", "1000", "2000")),
        ((0.0, 50000.0, 100000.0), ("0", "50k", "100k")),
        ((0.0, 5e6, 1e7), ("0", "5M", "10M")),
        ((1e-7, 2e-7), ("1e-07", "2e-07")),
        ((4.0,), ("4",)),
        ((), ()),
    ],
)
def test_labels_of_one_axis_are_written_alike(
    ticks: tuple[float, ...], labels: tuple[str, ...]
) -> None:
    assert tick_labels(ticks) == labels


def test_only_what_can_be_drawn_is_finite() -> None:
    drawn = [finite(v) for v in (None, math.nan, math.inf, 1e200, 1e-200, 2)]
    assert drawn == [None, None, None, None, 0.0, 2.0]


def test_limits_that_hold_nothing_are_replaced_by_the_values() -> None:
    assert (numeric_axis([0, 10], limits=(1, 1)).low, numeric_axis([0, 10]).high) == (0, 10)
    axis = numeric_axis([0, 10], limits=(0, math.nan))
    assert (axis.low, axis.high) == (0, 10)


@pytest.mark.parametrize(
    ("count", "slot_px", "step", "turned"),
    [
        (12, 60.0, 1, False),  # "2013-07" is 47.88 px wide and needs 55.88
        (12, 36.0, 1, True),
        (24, 18.0, 4, False),  # four slots are 72 px, three 54
        (200, 2.0, 28, False),
    ],
)
def test_names_are_turned_or_thinned(count: int, slot_px: float, step: int, turned: bool) -> None:
    assert text_width("2013-07") == pytest.approx(47.88)
    assert label_step(["2013-07"] * count, slot_px) == (step, turned)


def test_long_names_are_cut_visibly() -> None:
    assert category_axis(["x" * 30]).labels == ("x" * 17 + "\u2026",)
    assert shorten("short", 5) == "short"


def test_legend_breaks_into_lines() -> None:
    entries = [LegendItem("x" * 20, "")] * 3  # 26 + 136.8 + 16 = 178.8 px each
    assert [len(row) for row in legend_rows(entries, 480)] == [2, 1]
    assert legend_rows([], 480) == []


def test_elements_are_written_with_two_decimals_and_escaped() -> None:
    assert tag("line", x1=1 / 3, y1=-0.001) == '<line x1="0.33" y1="0.00"/>'
    assert (
        label(0.0, 1.0, "<&>") == '<text x="0.00" y="1.00" fill="currentColor">&lt;&amp;&gt;</text>'
    )
