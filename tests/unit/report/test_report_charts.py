"""What every chart promises: well-formed, deterministic, and never a failure over missing data."""

import math
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from components.report.charts import Bars, ErrorBar, Series, bar_chart, interval_chart, line_chart

NAN, INF = math.nan, math.inf
SVG = "{http://www.w3.org/2000/svg}"
MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def numbers(svg: str, name: str, attribute: str) -> list[float]:
    return [float(e.attrib[attribute]) for e in ET.fromstring(svg).iter(f"{SVG}{name}")]


EMPTY: dict[str, Callable[[], str]] = {
    "no line": lambda: line_chart([], title="t"),
    "empty line": lambda: line_chart([Series("a", [], [])], title="t"),
    "line of NaN": lambda: line_chart([Series("a", [0, 1], [NAN, None])], y_range=(0, 1)),
    "x of NaN": lambda: line_chart([Series("a", [NAN, INF], [1, 2])]),
    "no bar": lambda: bar_chart([], []),
    "bars of NaN": lambda: bar_chart(["a"], [Bars("x", [NAN])]),
    "no interval": lambda: interval_chart([], title="t"),
    "interval of NaN": lambda: interval_chart([ErrorBar("a", NAN, None, INF)], limit=0.1),
}

FULL: dict[str, Callable[[], str]] = {
    "roc": lambda: line_chart(
        [Series("a", [i / 99 for i in range(100)], [(i / 99) ** 0.3 for i in range(100)])],
        x_range=(0, 1),
        y_range=(0, 1),
        diagonal=True,
    ),
    "trend": lambda: line_chart([Series("<a>", MONTHS, [NAN] + [0.7] * 11)]),
    "point": lambda: line_chart([Series("a", [3], [7])]),
    "one month": lambda: line_chart([Series("a", ["2013-01"], [0])]),
    "infinite": lambda: line_chart([Series("a", [1, 2, 3], [INF, 1, -1e308])]),
    "useless range": lambda: line_chart([Series("a", [1, 2], [1, 2])], y_range=(1, 1)),
    "bars": lambda: bar_chart(["a", "<b>"], [Bars("x", [1, None]), Bars("y", [-2, 3])]),
    "zeros": lambda: bar_chart(["a"], [Bars("x", [0])]),
    "intervals": lambda: interval_chart(
        [
            ErrorBar("<auc>", 0.1, -0.1, 0.3, "good", limit=-0.2),
            ErrorBar("x", NAN, None, None, "bad"),
            ErrorBar("y", 0.2, None, NAN, "warn"),
        ],
        limit=0.05,
        x_label="difference",
    ),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_is_said(name: str) -> None:
    assert texts(EMPTY[name]())[-1] == "no data"


@pytest.mark.parametrize("name", FULL)
def test_picture_is_well_formed_finite_and_the_same_every_time(name: str) -> None:
    svg = FULL[name]()
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert svg == FULL[name]()
    assert "no data" not in "".join(texts(svg)) or name == "intervals"
    for element in root.iter():
        drawn = {k: v for k, v in element.attrib.items() if k not in ("aria-label", "style")}
        assert not re.search(r"nan|inf(?!o)|e[+-]\d", " ".join(drawn.values()))


def test_random_magnitudes_never_fail() -> None:
    draw = random.Random(7)
    for _ in range(200):
        values = [draw.choice([0, 1, -1]) * 10 ** draw.uniform(-320, 308) for _ in range(4)]
        ET.fromstring(line_chart([Series("a", values, values[::-1])]))
        ET.fromstring(bar_chart(list("abcd"), [Bars("x", values)]))
        ET.fromstring(interval_chart([ErrorBar("a", *values[:3])], limit=values[3]))


def test_points_stand_where_the_axes_say() -> None:
    svg = line_chart([Series("", [0, 1, 2], [0, 5, 10])], x_range=(0, 2), y_range=(0, 10))
    xs, ys = numbers(svg, "circle", "cx"), numbers(svg, "circle", "cy")
    assert xs[1] == pytest.approx((xs[0] + xs[2]) / 2)
    assert ys[1] == pytest.approx((ys[0] + ys[2]) / 2)
    assert xs[0] < xs[2]
    assert ys[0] > ys[2]


def test_gap_breaks_the_line_and_a_lone_point_is_still_seen() -> None:
    svg = line_chart([Series("", [0, 1, 2, 3, 4, 5], [1, 2, None, 3, NAN, 4])])
    paths = [e.attrib["d"] for e in ET.fromstring(svg).iter(f"{SVG}path")]
    assert [path.count(",") for path in paths] == [2]
    assert svg.count("<circle") == 4


def test_thousands_of_points_are_thinned_to_what_is_seen() -> None:
    xs = [i / 100_000 for i in range(100_001)]
    assert len(line_chart([Series("roc", xs, xs)], x_range=(0, 1), y_range=(0, 1))) < 25_000


def test_months_that_one_line_lacks_keep_their_place() -> None:
    svg = line_chart([Series("a", ["m2", "m4"], [1, 2]), Series("b", ["m1", "m3"], [1, 2])])
    assert [t for t in texts(svg) if t.startswith("m")] == ["m1", "m2", "m3", "m4"]


def test_names_without_an_order_stay_as_they_came() -> None:
    svg = bar_chart(["Mon", "Tue", "Wed"], [Bars("x", [1, 2, 3])])
    assert [t for t in texts(svg) if t.isalpha() and len(t) == 3] == ["Mon", "Tue", "Wed"]


def test_series_differ_without_colour() -> None:
    svg = line_chart([Series(n, [0, 1], [0, 1]) for n in "ab"])
    assert svg.count("stroke-dasharray") == 2  # the line and its legend
    assert "<circle" in svg
    assert "<rect" in svg
    bars = bar_chart(["a"], [Bars("x", [1]), Bars("y", [1])])
    assert {'fill-opacity="0.3"', 'fill-opacity="0.9"'} <= set(bars.split())


def test_bars_hang_from_zero() -> None:
    svg = bar_chart(["a", "b"], [Bars("", [2, -2])])
    tops, heights = numbers(svg, "rect", "y"), numbers(svg, "rect", "height")
    assert heights[0] == pytest.approx(heights[1])
    assert tops[1] == pytest.approx(tops[0] + heights[0])


def test_interval_writes_its_numbers_and_a_shape_for_its_tone() -> None:
    svg = interval_chart([ErrorBar("AUC", 0.0021, -0.004, 0.0083, "bad")], limit=0)
    assert "0.0021 [\u22120.0040, 0.0083]" in texts(svg)
    assert "limit" in texts(svg)
    assert svg.count("<rect") == 1


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Series("a", [1, 2], [1])
    with pytest.raises(ValueError, match="has not 1 heights"):
        bar_chart(["a"], [Bars("x", [1, 2])])
