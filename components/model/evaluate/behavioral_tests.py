"""Runs the behaviour tests on a model: rows are selected, changed in a column, and predicted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.core.artifacts import ModelColumn
from components.core.behaviour import Behaviour, Direction, Invariance, Minimum, Range, Value, Where
from components.core.errors import InputError
from components.core.spans import parse_instant
from components.core.spec import column_of
from components.core.tasks import Task, known_metrics
from components.core.units import format_duration
from components.core.verdict import Finding, Severity, finding

Predict = Callable[[pa.Table], NDArray[np.float64]]
BehaviourTest = Invariance | Direction | Minimum

_TYPES = {"number": pa.float64(), "category": pa.string(), "timestamp": pa.timestamp("us", "UTC")}
_INSTANT = "an instant such as 2013-07-01T06:00Z"


@dataclass(frozen=True)
class BehavioralTestData:
    """What behaviour tests run on: labelled rows of both holdouts, and the columns of the model."""

    task: Task
    rows: pa.Table
    label: str
    columns: tuple[ModelColumn, ...]


def run_behavioral_tests(
    tests: Behaviour, data: BehavioralTestData, predict: Predict, name: str
) -> tuple[Finding, ...]:
    """Runs every test on one model, which `name` calls in the findings.

    Raises:
        InputError: A test names a column or a metric that is not there.
    """
    _validate(tests, data)
    found = chain(
        *(_invariance(test, data, predict) for test in tests.invariance),
        *(_direction(test, data, predict) for test in tests.direction),
        *(_minimum(test, data, predict) for test in tests.minimum),
    )
    return tuple(f.model_copy(update={"subject": f"{name}: {f.subject}"}) for f in found)


def _validate(tests: Behaviour, data: BehavioralTestData) -> None:
    """Refuses tests of a column or a metric that is not there."""
    known = [column.name for column in data.columns]
    changing: tuple[Invariance | Direction, ...] = (*tests.invariance, *tests.direction)
    for test in changing:
        if column_of(test.column) not in known:
            place = f"behaviour tests: {test.name}: column"
            raise InputError(place, test.column, f"a raw column: {', '.join(known)}")
    for minimum in tests.minimum:
        known_metrics(data.task, minimum.metric, f"behaviour tests: {minimum.name}: metric")


def filter_rows(rows: pa.Table, where: Where) -> pa.Table:
    """The rows that meet every condition; null meets only a condition of null.

    Raises:
        InputError: A column is not there, or is compared with a value of another kind.
    """
    for source, condition in where.items():
        name = _known(rows, source)
        rows = rows.filter(_meets(rows.column(name), condition, name))
    return rows


def sample_evenly(rows: pa.Table, max_rows: int) -> pa.Table:
    """At most `max_rows` rows, in equal steps."""
    if rows.num_rows <= max_rows:
        return rows
    return rows.take(pa.array(np.linspace(0, rows.num_rows - 1, max_rows).astype(np.int64)))


def with_value(rows: pa.Table, source: str, value: Value) -> pa.Table:
    """The rows with one value in a column; None is missing."""
    name = _known(rows, source)
    kind = rows.schema.field(name).type
    repeated = pa.repeat(_scalar(value, kind, name), rows.num_rows)
    return rows.set_column(rows.column_names.index(name), name, repeated)


def with_added(rows: pa.Table, source: str, step: float | timedelta) -> pa.Table:
    """The rows that have a value in a column, with something added to it.

    Raises:
        InputError: The column is a category, or number and duration are mixed up.
    """
    name = _known(rows, source)
    rows = rows.filter(pc.is_valid(rows.column(name)))
    column = rows.column(name)
    if pa.types.is_timestamp(column.type) != isinstance(step, timedelta):
        raise InputError(name, str(step), "a duration to add to a timestamp, a number to a number")
    if pa.types.is_string(column.type):
        raise InputError(name, "a category", "a number or a timestamp, that can be added to")
    added = pc.add(column, pa.scalar(step)).cast(column.type)
    return rows.set_column(rows.column_names.index(name), name, added)


def build_rows(given: Sequence[Mapping[str, Value]], columns: Sequence[ModelColumn]) -> pa.Table:
    """Rows written out by hand; a column left out is missing.

    Raises:
        InputError: A row names a column that the model does not have, or lacks a timestamp.
    """
    named = [{column_of(source): value for source, value in row.items()} for row in given]
    known = [c.name for c in columns]
    for name in (n for row in named for n in row if n not in known):
        raise InputError("given", name, f"a raw column of the model: {', '.join(known)}")
    arrays = {}
    for column in columns:
        values, kind = [row.get(column.name) for row in named], _TYPES[column.kind]
        if column.kind == "timestamp" and any(v is None for v in values):
            raise InputError("given", f"no {column.name}", _INSTANT)
        cells = [_scalar(v, kind, column.name).as_py() for v in values]
        arrays[column.name] = pa.array(cells, type=kind)
    return pa.table(arrays)


def _invariance(test: Invariance, data: BehavioralTestData, predict: Predict) -> Iterator[Finding]:
    rows = sample_evenly(filter_rows(data.rows, test.where), test.max_rows)
    if not rows.num_rows:
        yield _too_few(test, 0, 1)
        return
    found = np.stack([predict(with_value(rows, test.column, value)) for value in test.values])
    moved = np.ptp(found, axis=0)
    held = float(np.mean(moved <= test.tolerance))
    # Of the rows that must hold, the one that moves most; NaN is not within any tolerance.
    measured = float(np.sort(moved)[max(0, int(np.ceil(test.min_share * len(moved))) - 1)])
    text = (
        f"Changing {test.column} among {len(test.values)} values moves the probability by at most "
        f"{test.tolerance:g} in {held:.1%} of {rows.num_rows} rows; "
        f"{test.min_share:.1%} are required"
    )
    yield _result(test, held >= test.min_share, measured, test.tolerance, text)


def _direction(test: Direction, data: BehavioralTestData, predict: Predict) -> Iterator[Finding]:
    rows = filter_rows(data.rows, test.where)
    rows = sample_evenly(rows.filter(rows.column(column_of(test.column)).is_valid()), test.max_rows)
    if not rows.num_rows:
        yield _too_few(test, 0, 1)
        return
    changed = predict(with_added(rows, test.column, test.add)) - predict(rows)
    gain = changed if test.effect == "raises" else -changed
    mean, share = float(np.mean(gain)), float(np.mean(gain > 0))
    passed = mean > test.min_change and (test.min_share is None or share >= test.min_share)
    step = format_duration(test.add) if isinstance(test.add, timedelta) else f"{test.add:g}"
    text = (
        f"Adding {step} to {test.column} {test.effect} the probability by "
        f"{mean:.4f} on average (more than {test.min_change:g} is required) and in {share:.1%} "
        f"of {rows.num_rows} rows"
        + (f" (at least {test.min_share:.1%})" if test.min_share is not None else "")
    )
    yield _result(test, passed, mean, test.min_change, text)


def _minimum(test: Minimum, data: BehavioralTestData, predict: Predict) -> Iterator[Finding]:
    given = build_rows(test.given, data.columns) if test.given else None
    rows = filter_rows(data.rows, test.where) if given is None else given
    if rows.num_rows < test.min_rows:
        yield _too_few(test, rows.num_rows, test.min_rows)
        return
    found = predict(rows)
    held = found if given is not None else np.array([np.mean(found)])
    of = f"of {rows.num_rows} rows" + (" on average" if given is None else ", each")
    lowest, highest = float(np.min(held)), float(np.max(held))
    if (floor := test.at_least) is not None:
        text = f"The probability {of} is {lowest:.4f}; at least {floor:g} is required"
        yield _result(test, lowest >= floor, lowest, floor, text)
    if (ceiling := test.at_most) is not None:
        text = f"The probability {of} is {highest:.4f}; at most {ceiling:g} is required"
        yield _result(test, highest <= ceiling, highest, ceiling, text)
    for name, limit in test.metric.items():
        metric = data.task.metrics[name]
        value = metric(rows.column(data.label).to_numpy(), found)
        text = f"{metric.label} of {rows.num_rows} rows is compared with {limit:g}"
        yield _result(test, metric.reaches(value, limit), value, limit, text)


def _too_few(test: BehaviourTest, found: int, min_rows: int) -> Finding:
    text = f"{found} row(s) were found to run it on; at least {min_rows} are needed"
    return _result(test, False, float(found), float(min_rows), text)


def _result(
    test: BehaviourTest, passed: bool, value: float | None, limit: float, text: str
) -> Finding:
    severity, held = (Severity.INFO, "holds") if passed else (Severity.FAIL, "does not hold")
    measured = value if value is None or np.isfinite(value) else "not finite"
    return finding("behaviour", severity, test.name, measured, limit, f"{text}: {held}.")


def _meets(column: pa.ChunkedArray, condition: Any, name: str) -> Any:
    if not isinstance(condition, Range):
        values = condition if isinstance(condition, tuple) else (condition,)
        scalars = [_scalar(v, column.type, name).as_py() for v in values]
        return pc.is_in(column, value_set=pa.array(scalars, type=column.type))
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        raise InputError(f"where: {name}", "a range", "a range only of a column of numbers")
    held = pc.is_valid(column)
    if condition.at_least is not None:
        held = pc.and_kleene(held, pc.greater_equal(column, condition.at_least))
    if condition.below is not None:
        held = pc.and_kleene(held, pc.less(column, condition.below))
    return held


def _scalar(value: Value, kind: pa.DataType, name: str) -> pa.Scalar:
    """A value as a column of this type holds it."""
    if value is None:
        return pa.scalar(None, type=kind)
    is_text = isinstance(value, str)
    if pa.types.is_timestamp(kind) and is_text:
        try:
            return pa.scalar(parse_instant(str(value)), type=kind)
        except ValueError as error:
            raise InputError(name, value, _INSTANT) from error
    if is_text != pa.types.is_string(kind) or pa.types.is_timestamp(kind):
        raise InputError(name, value, f"a value of the column's type, {kind}")
    return pa.scalar(value).cast(kind)


def _known(rows: pa.Table, source: str) -> str:
    name = column_of(source)
    if name not in rows.column_names:
        raise InputError("behaviour tests", source, f"a column: {', '.join(rows.column_names)}")
    return name
