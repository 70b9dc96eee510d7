"""Rules, labels and types, by tables of values."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from components.core.errors import InputError
from components.core.spec import FeatureKind, Label, parse_rule
from components.data.prepare.external_tables import apply_rules, sudden_changes
from components.data.tables.columns import cast_to_kind, read_labels
from components.data.tables.sources import SourceFile, file_schema, parse

NAN = float("nan")


def column(*values, type=None):
    return pa.chunked_array([pa.array(values, type=type)])


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ([57, 13, 57], [0, 1, 0]),  # a spike
        ([57, 13, 14, 13], [0, 1, 0, 0]),  # two that agree are a new level
        ([57, 13, 90, 57], [0, 1, 1, 0]),  # two that do not agree are two errors
        ([0, 30, 60], [0, 0, 0]),  # exactly the limit is not beyond it
        ([0, 31], [0, 1]),
        ([0, -31], [0, 1]),
        ([5], [0]),
        ([], []),
    ],
)
def test_changes_are_judged_against_the_last_accepted_value(values, refused):
    rule = parse_rule("abs(change(temp)) > 30")
    assert sudden_changes(np.array(values, float), rule).tolist() == [bool(r) for r in refused]


def test_a_change_with_a_sign_is_judged_on_one_side():
    rule = parse_rule("change(temp) < -10")
    assert sudden_changes(np.array([0.0, 50, 0]), rule).tolist() == [False, False, True]


def test_changes_follow_time_within_their_series():
    table = pa.table(
        {
            "seen": pa.array([3, 1, 2, 1, 2, 4], pa.timestamp("us", "UTC")),
            "place": ["a", "a", "a", "b", "b", "a"],
            "temp": [50.0, 50, 10, 10, 11, None],
        }
    )
    found = apply_rules(table, [parse_rule("abs(change(w.temp, by=place)) > 30")], "seen")
    # Place a in order of time: 50, 10, 50, missing. Place b: 10, 11.
    assert found.table["temp"].to_pylist() == [50, 50, None, 10, 11, None]
    assert list(found.counts.values()) == [1]


def test_rules_follow_one_another():
    table = pa.table({"v": [1.0, -3.0, 200.0, None]})
    rules = [parse_rule("abs(v) > 100"), parse_rule("v <= -3"), parse_rule("v >= 200")]
    found = apply_rules(table, rules, None)
    assert found.table["v"].to_pylist() == [1.0, None, None, None]
    assert found.counts == {"abs(v) > 100": 1, "v <= -3": 1, "v >= 200": 0}


@pytest.mark.parametrize(
    ("label", "values", "answers"),
    [
        ({"greater_than": 15}, [15, 15.1, None, NAN], [0, 1, None, None]),
        ({"equals": "yes"}, ["yes", "no", None, ""], [1, 0, None, None]),
        ({"equals": 2}, [2, 3, None], [1, 0, None]),
        ({"equals": False}, [False, True, None], [1, 0, None]),
        ({}, [True, False, None], [1, 0, None]),
        ({}, [1.0, 0.0, NAN], [1, 0, None]),
    ],
)
def test_labels_are_read_by_the_spec(label, values, answers):
    given = Label(column="c", known_after="1d", **label)
    known = pa.array([True] * len(values))
    assert read_labels(column(*values), known, given).to_pylist() == answers


def test_a_label_that_is_not_known_yet_is_missing():
    given = Label(column="c", known_after="1d")
    found = read_labels(column(1, 0), pa.array([True, False]), given)
    assert found.to_pylist() == [1, None]
    assert found.type == pa.int8()


@pytest.mark.parametrize("value", [2, 0.5, "yes"])
def test_a_plain_label_must_be_zero_or_one(value):
    with pytest.raises(InputError, match=r"label.column: c"):
        read_labels(column(value), pa.array([True]), Label(column="c", known_after="1d"))


NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "kind", "wanted"),
    [
        (column(1, None), FeatureKind.NUMBER, [1.0, None]),
        (column(True, False), FeatureKind.NUMBER, [1.0, 0.0]),
        (column(NAN, float("inf"), 2.5), FeatureKind.NUMBER, [None, None, 2.5]),
        (column("3", None), FeatureKind.NUMBER, [3.0, None]),
        (column(7, None), FeatureKind.CATEGORY, ["7", None]),
        (column("", "a"), FeatureKind.CATEGORY, [None, "a"]),
        (column("a", "b").dictionary_encode(), FeatureKind.CATEGORY, ["a", "b"]),
        (column(True), FeatureKind.CATEGORY, ["true"]),
        (column(dt.datetime(2024, 1, 1, 12)), FeatureKind.TIMESTAMP, [NOON]),
        (column("2024-01-01T12:00:00"), FeatureKind.TIMESTAMP, [NOON]),
        (column(NOON, type=pa.timestamp("ns", "America/New_York")), FeatureKind.TIMESTAMP, [NOON]),
        (column(1, type=pa.int16()), None, [1]),
    ],
)
def test_a_column_is_cast_to_its_kind(given, kind, wanted):
    assert cast_to_kind(given, kind, "here").to_pylist() == wanted


def test_the_repeated_hour_of_a_clock_stays_two_hours():
    """On 3 November 2013 New York's clocks showed 01:30 at 05:30 and at 06:30 UTC."""
    twice = [dt.datetime(2013, 11, 3, hour, 30, tzinfo=dt.UTC) for hour in (5, 6)]
    local = column(*twice, type=pa.timestamp("s", "America/New_York"))
    assert {v.hour for v in local.to_pylist()} == {1}
    assert cast_to_kind(local, FeatureKind.TIMESTAMP, "here").to_pylist() == twice


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (column("x"), FeatureKind.NUMBER),
        (column(5), FeatureKind.TIMESTAMP),
        (column(NOON), FeatureKind.NUMBER),
    ],
)
def test_a_column_of_another_kind_is_an_input_error(given, kind):
    with pytest.raises(InputError, match="here: given"):
        cast_to_kind(given, kind, "here")


CSV = b'code,when,value\n007,2024-01-01T12:00:00Z,1\n"NA",2024-01-01T12:00:00Z,NA\n,,\n'


def test_csv_keeps_categories_as_they_are_written():
    wanted = {
        "code": FeatureKind.CATEGORY,
        "when": FeatureKind.TIMESTAMP,
        "value": FeatureKind.NUMBER,
    }
    table = parse(SourceFile("s.csv", "csv", CSV, ""), wanted)
    assert table.to_pydict() == {
        "code": ["007", "NA", None],
        "when": [NOON, NOON, None],
        "value": [1.0, None, None],
    }
    assert file_schema(SourceFile("s.csv", "csv", CSV, "")).names == ["code", "when", "value"]


def test_a_file_of_another_format_is_an_input_error():
    with pytest.raises(InputError, match="a parquet file"):
        parse(SourceFile("s.parquet", "parquet", b"no", ""), {"a": None})
