"""Distances between distributions, by hand and by TFDV's own histograms."""

import math

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.verdict import Severity
from components.data.monitor.drift import (
    ColumnDistribution,
    NumberDistribution,
    bin_name,
    check_column_drift,
    compare_columns,
    distance_between,
    distributions_of,
    schema_thresholds,
)
from components.data.schema.statistics import statistics_of


def numbers(edges, cumulated):
    return NumberDistribution(np.array(edges, float), np.array(cumulated, float))


def categories(**shares):
    return ColumnDistribution(0.0, shares)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1.0, 0.0),
        (0.0, 1.0),
        # The middle is (3/4, 1/4): half of 1 * log2(4/3), half of (1/2 log2(2/3) + 1/2 log2(2)).
        (0.5, math.log2(4 / 3) / 2 + (math.log2(2 / 3) + 1) / 4),
    ],
)
def test_jensen_shannon_by_hand(share, expected):
    """All values are 0 before; now a share of them still is, and the others are 1."""
    first, second = (
        ColumnDistribution(0.0, numbers([0], [1])),
        ColumnDistribution(0.0, numbers([0, 1], [share, 1])),
    )
    assert distance_between(first, second).value == pytest.approx(expected)


def test_the_distance_of_categories_is_the_largest_difference():
    first, second = categories(a=0.5, b=0.3, c=0.2), categories(a=0.4, b=0.3, d=0.3)
    distance = distance_between(first, second)
    assert (distance.measure, distance.where) == ("L-infinity", "d")
    assert distance.value == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([0, 10, 20], [0.0, 0.5, 0.5, 0.0]),
        ([5, 20], [0.25, 0.75, 0.0]),
        ([-1, 10], [0.0, 0.5, 0.5]),
        ([30], [1.0, 0.0]),
        ([-5], [0.0, 1.0]),
    ],
)
def test_shares_between_edges_lie_evenly_between_quantiles(edges, expected):
    shares = numbers([0, 10, 20], [0, 0.5, 1]).shares_between(np.array(edges, float))
    assert shares == pytest.approx(expected)


def test_a_shifted_number():
    """Deciles 0 to 10 against the same moved by 5: half of the values lie above the last edge."""
    edges = np.arange(11.0)
    first = ColumnDistribution(0.0, NumberDistribution(edges, edges / 10))
    second = ColumnDistribution(0.0, NumberDistribution(edges + 5, edges / 10))
    # Five bins .1 against 0, five .1 against .1, one 0 against .5.
    assert distance_between(first, second).value == pytest.approx(0.5)
    assert distance_between(first, second).where == "above 10"
    assert distance_between(first, first).value == 0


def test_different_kinds_and_empty_columns_have_no_distance():
    number = ColumnDistribution(0.0, numbers([0, 1], [0, 1]))
    assert distance_between(number, categories(a=1.0)) is None
    assert distance_between(number, ColumnDistribution(1.0, None)) is None


@pytest.mark.parametrize(("index", "name"), [(0, "up to 1.5"), (1, "1.5 to 3"), (2, "above 3")])
def test_bins_have_names(index, name):
    assert bin_name(np.array([1.5, 3.0]), index) == name


def test_columns_of_tfdv_statistics():
    table = pa.table(
        {
            "town": ["a"] * 60 + ["b"] * 20 + [None] * 20,
            "size": pa.array([float(i) for i in range(100)]),
            "rain": [0.0] * 95 + [1.0] * 5,
            "empty": pa.nulls(100, pa.float64()),
        }
    )
    columns = distributions_of(statistics_of(table))
    assert columns["town"].missing == pytest.approx(0.2)
    assert columns["town"].values == {"a": 0.75, "b": 0.25}
    size = columns["size"].values
    assert size.shares_between(np.array([49.5])) == pytest.approx([0.5, 0.5], abs=0.01)
    # Deciles of which nine are 0: the atom is found, as finely as deciles tell.
    assert columns["rain"].values.shares_between(np.array([0.0]))[0] == pytest.approx(0.9, abs=0.1)
    assert (columns["empty"].missing, columns["empty"].values) == (1.0, None)


def test_equal_tables_have_distance_zero_and_a_moved_constant_one():
    table = pa.table({"x": [7.0] * 50, "y": [1.0] * 50})
    moved = pa.table({"x": [7.0] * 50, "y": [2.0] * 50})
    first, second = distributions_of(statistics_of(table)), distributions_of(statistics_of(moved))
    assert distance_between(first["x"], second["x"]).value == 0
    assert distance_between(first["y"], second["y"]).value == 1


def test_a_column_beyond_its_threshold_has_its_own_finding():
    before = {"a": categories(x=1.0), "b": categories(x=1.0), "c": ColumnDistribution(1.0, None)}
    now = {"a": categories(x=0.5, y=0.5), "b": categories(x=0.95, y=0.05), "c": before["c"]}
    compared = compare_columns(before, now, ["a", "b", "c", "d"], {})
    assert [one.name for one in compared] == ["a", "b", "c"]
    beyond, rest = check_column_drift(compared, "skew", Severity.WARN)
    assert (beyond.subject, beyond.severity, beyond.measured, beyond.limit) == (
        "a",
        "warn",
        0.5,
        0.1,
    )
    assert (rest.severity, rest.measured) == ("info", pytest.approx(0.05))
    (calm, _) = (
        check_column_drift(compare_columns(before, now, ["a"], {"a": 0.6}), "skew", Severity.WARN),
        None,
    )
    assert [f.severity for f in calm] == ["info"]


def test_thresholds_of_a_schema():
    schema = schema_pb2.Schema()
    schema.feature.add(name="a").skew_comparator.infinity_norm.threshold = 0.01
    schema.feature.add(name="b").drift_comparator.jensen_shannon_divergence.threshold = 0.2
    schema.feature.add(name="c")
    assert schema_thresholds(schema, "skew") == {"a": pytest.approx(0.01)}
    assert schema_thresholds(schema, "drift") == {"b": pytest.approx(0.2)}
