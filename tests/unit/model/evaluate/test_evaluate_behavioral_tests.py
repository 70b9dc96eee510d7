"""Behaviour tests on a model whose every answer is known: p = 0.1 + 0.2 x, or 0.5 for c = b."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from components.core.artifacts import ModelColumn
from components.core.behaviour import load_behaviour
from components.core.errors import InputError
from components.core.tasks import task_of
from components.model.evaluate.behavioral_tests import (
    BehavioralTestData,
    build_rows,
    filter_rows,
    run_behavioral_tests,
    sample_evenly,
    with_added,
    with_value,
)

COLUMNS = (
    ModelColumn(name="w_x", source="w.x", kind="number"),
    ModelColumn(name="c", source="c", kind="category"),
    ModelColumn(name="at", source="at", kind="timestamp"),
)
ROWS = pa.table(
    {
        "id": [1, 2, 3, 4],
        "w_x": pa.array([0.0, 1.0, 2.0, None]),
        "c": pa.array(["a", "b", None, "a"]),
        "at": pa.array(
            [datetime(2024, 1, d, tzinfo=UTC) for d in (1, 2, 3, 4)], pa.timestamp("us", "UTC")
        ),
        "late": pa.array([0, 1, 1, 0], pa.int8()),
    }
)
DATA = BehavioralTestData(task_of("binary"), ROWS, "late", COLUMNS)


def predict(rows):
    x = rows.column("w_x").fill_null(0.0).to_numpy()
    is_b = np.array([c == "b" for c in rows.column("c").to_pylist()])
    return np.where(is_b, 0.5, 0.1 + 0.2 * x)


def findings(kind, test, predict=predict):
    tests = load_behaviour(f"{kind}: [{{name: it, {test}}}]", "behaviour.yaml")
    return run_behavioral_tests(tests, DATA, predict, "retrained")


@pytest.mark.parametrize(
    ("kind", "test", "passed", "measured"),
    [
        # c = a: .1 .3 .5 .1; c = b: .5 each -> moves .4 .2 0 .4
        ("invariance", "column: c, values: [a, b], tolerance: 0.41", True, 0.4),
        ("invariance", "column: c, values: [a, b], tolerance: 0.3", False, 0.4),
        ("invariance", "column: c, values: [a, b], tolerance: 0.3, min_share: 50%", True, 0.2),
        ("invariance", "column: c, values: [a, null], tolerance: 0.001", True, 0.0),
        (
            "invariance",
            "column: w.x, values: [0, 1, 3], tolerance: 0.59, where: {c: a}",
            False,
            0.6,
        ),
        ("invariance", "column: w.x, values: [0, 1, 3], tolerance: 0.1, where: {c: b}", True, 0.0),
        # Rows with x: a +.2, b 0, missing c +.2 -> mean .4/3, in 2 of 3 rows.
        ("direction", "column: w.x, add: 1, effect: raises", True, 0.4 / 3),
        ("direction", "column: w_x, add: -1, effect: lowers", True, 0.4 / 3),
        ("direction", "column: w.x, add: 1, effect: lowers", False, -0.4 / 3),
        ("direction", "column: w.x, add: 1, effect: raises, min_change: 0.2", False, 0.4 / 3),
        ("direction", "column: w.x, add: 1, effect: raises, min_share: 66%", True, 0.4 / 3),
        ("direction", "column: w.x, add: 1, effect: raises, min_share: 70%", False, 0.4 / 3),
        ("direction", "column: at, add: 3h, effect: raises", False, 0.0),
        ("minimum", "where: {c: [a]}, at_least: 0.1", True, 0.1),
        ("minimum", "where: {c: [a]}, at_least: 0.11", False, 0.1),
        ("minimum", "where: {w.x: {at_least: 1, below: 3}}, at_most: 0.5", True, 0.5),
        ("minimum", "where: {c: null}, at_most: 0.4", False, 0.5),
        ("minimum", "where: {c: a}, at_least: 0, min_rows: 3", False, 2.0),
        ("minimum", "metric: {auc: 1.0}", True, 1.0),
        ("minimum", "metric: {brier: 0.1}", False, (0.01 + 0.25 + 0.25 + 0.01) / 4),
        ("minimum", "where: {c: a}, metric: {auc: 0.1}", False, None),  # one class only
        (
            "minimum",
            "given: [{w.x: 4, at: 2024-01-01}, {c: b, at: 2024-01-01}], at_least: 0.5",
            True,
            0.5,
        ),
        (
            "minimum",
            "given: [{w.x: 4, at: 2024-01-01}, {c: b, at: 2024-01-01}], at_most: 0.8",
            False,
            0.9,
        ),
    ],
)
def test_a_test_holds_or_not_by_numbers_worked_out_by_hand(kind, test, passed, measured):
    (finding,) = findings(kind, test)
    assert (finding.severity == "info") is passed, finding.sentence
    assert finding.measured == (None if measured is None else pytest.approx(measured))
    assert (finding.code, finding.subject) == ("behaviour", "retrained: it")
    assert finding.sentence.endswith("holds." if passed else "does not hold.")


def test_two_bounds_are_two_findings():
    found = findings("minimum", "where: {c: b}, at_least: 0.4, at_most: 0.45")
    assert [f.severity for f in found] == ["info", "fail"]


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        ("invariance", "column: c, values: [a, b], tolerance: 1, where: {c: z}"),
        ("direction", "column: w.x, add: 1, effect: raises, where: {w.x: null}"),
        ("minimum", "where: {c: z}, at_least: 0"),
    ],
)
def test_without_a_row_to_run_it_on_a_test_fails(kind, test):
    (finding,) = findings(kind, test)
    assert finding.severity == "fail"
    assert "0 row(s) were found" in finding.sentence


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        ("invariance", "column: c, values: [a, b], tolerance: 1"),
        ("direction", "column: w.x, add: 1, effect: raises"),
        ("direction", "column: w.x, add: 1, effect: lowers"),
        ("minimum", "at_least: 0"),
        ("minimum", "at_most: 1"),
        ("minimum", "metric: {auc: 0}"),
    ],
)
def test_an_answer_that_is_not_finite_fails_every_test(kind, test):
    (finding,) = findings(kind, test, lambda rows: np.full(rows.num_rows, np.nan))
    assert finding.severity == "fail"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("invariance: [{name: n, column: c, values: [a], tolerance: 0.1}]", "invariance[0].values"),
        ("invariance: [{name: n, column: c, values: [a, b]}]", "tolerance"),
        ("direction: [{name: n, column: x, add: 0, effect: raises}]", "changes nothing"),
        ("direction: [{name: n, column: x, add: 1, effect: up}]", "raises"),
        ("minimum: [{name: n}]", "at_least, at_most or metric"),
        ("minimum: [{name: n, given: [{x: 1}], metric: {auc: 1}}]", "no label"),
        ("minimum: [{name: n, where: {x: {}}, at_least: 0}]", "at_least, below or both"),
        ("maximum: []", "maximum"),
        ("{}", "there is no test in it"),
        ("- a list", "mapping"),
        ("a: [", "YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_naming_the_place(text, words):
    with pytest.raises(InputError) as caught:
        load_behaviour(text, "behaviour.yaml")
    assert "behaviour.yaml" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "test", "words"),
    [
        ("invariance", "column: id, values: [1, 2], tolerance: 1", "w_x, c, at"),
        ("invariance", "column: c, values: [1, 2], tolerance: 1", "string"),
        ("direction", "column: at, add: 1, effect: raises", "a duration"),
        ("direction", "column: w.x, add: 3h, effect: raises", "a duration"),
        ("minimum", "where: {z: 1}, at_least: 0", "id, w_x, c, at, late"),
        ("minimum", "where: {c: {at_least: 1}}, at_least: 0", "numbers"),
        ("minimum", "given: [{z: 1}], at_least: 0", "w_x, c, at"),
        ("minimum", "given: [{c: a}], at_least: 0", "no at"),
        ("minimum", "given: [{at: noon}], at_least: 0", "noon"),
        ("minimum", "metric: {rate: 1}", "auc"),
    ],
)
def test_a_test_of_what_is_not_there_is_refused_naming_what_is(kind, test, words):
    with pytest.raises(InputError, match=words):
        findings(kind, test)


def test_the_example_in_the_documentation_can_be_read():
    from textwrap import dedent

    from components.core import behaviour

    text = dedent(behaviour.__doc__.split("::\n")[1])
    read = load_behaviour(text, "doc")
    assert (len(read.invariance), len(read.direction), len(read.minimum)) == (1, 1, 2)


def test_rows_are_found_changed_and_thinned():
    assert filter_rows(ROWS, {"c": ("a", None)}).column("id").to_pylist() == [1, 3, 4]
    assert filter_rows(ROWS, {"id": 2.0}).column("id").to_pylist() == [2]
    assert filter_rows(ROWS, {"at": "2024-01-03"}).column("id").to_pylist() == [3]
    assert with_value(ROWS, "w.x", None).column("w_x").null_count == 4
    assert with_value(ROWS, "w.x", 7.0).column("w_x").to_pylist() == [7.0] * 4
    assert with_added(ROWS, "w_x", 0.5).column("w_x").to_pylist() == [0.5, 1.5, 2.5]
    assert sample_evenly(ROWS, 2).column("id").to_pylist() == [1, 4]
    assert sample_evenly(ROWS, 9) is ROWS


def test_rows_given_have_the_types_of_examples():
    given = build_rows([{"w.x": 1.0, "at": "2024-01-01"}, {"c": "a", "at": "2024-01-02"}], COLUMNS)
    assert given.schema.types == [ROWS.schema.field(c.name).type for c in COLUMNS]
    assert given.column("c").to_pylist() == [None, "a"]
    assert given.column("w_x").to_pylist() == [1.0, None]
