"""Puts a model through the behaviour tests."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.core.artifacts import ModelColumn
from components.core.behaviour import Behaviour, Direction, Invariance, Minimum
from components.core.errors import InputError
from components.core.spec import column_of
from components.core.tasks import Task, known_metrics
from components.core.units import format_duration
from components.core.verdict import Finding, Severity
from components.model.evaluate.rows import evenly, rows_given, rows_where, with_added, with_value

Predict = Callable[[pa.Table], NDArray[np.float64]]


@dataclass(frozen=True)
class Stage:
    """What behaviour tests are tried on.

    Attributes:
        task: Knows the metrics.
        rows: Labelled rows of both holdouts.
        label: Name of the label's column.
        columns: The raw columns of the model.
    """

    task: Task
    rows: pa.Table
    label: str
    columns: tuple[ModelColumn, ...]


def try_behaviour(
    tests: Behaviour, stage: Stage, predict: Predict, name: str
) -> tuple[Finding, ...]:
    """Tries every test on one model.

    Args:
        tests: The behaviour tests.
        stage: The rows, the columns and the task.
        predict: The model: rows to probabilities.
        name: What to call the model.

    Raises:
        InputError: A test names a column or a metric that is not there.
    """
    check_behaviour(tests, stage)
    return (
        *(_invariance(test, stage, predict, name) for test in tests.invariance),
        *(_direction(test, stage, predict, name) for test in tests.direction),
        *(f for test in tests.minimum for f in _minimum(test, stage, predict, name)),
    )


def check_behaviour(tests: Behaviour, stage: Stage) -> None:
    """Refuses tests of a column or a metric that is not there.

    Raises:
        InputError: With what is there.
    """
    known = [column.name for column in stage.columns]
    changing: tuple[Invariance | Direction, ...] = (*tests.invariance, *tests.direction)
    for test in changing:
        if column_of(test.column) not in known:
            place = f"behaviour tests: {test.name}: column"
            raise InputError(place, test.column, f"a raw column: {', '.join(known)}")
    for minimum in tests.minimum:
        known_metrics(stage.task, minimum.metric, f"behaviour tests: {minimum.name}: metric")


def _invariance(test: Invariance, stage: Stage, predict: Predict, name: str) -> Finding:
    rows = evenly(rows_where(stage.rows, test.where), test.rows)
    if not rows.num_rows:
        return _nothing(test.name, name, 1, 0)
    found = np.stack([predict(with_value(rows, test.column, value)) for value in test.values])
    moved = np.ptp(found, axis=0)
    held = float(np.mean(moved <= test.tolerance))
    # Of the rows that must hold, the one that moves most; NaN is no number within a tolerance.
    measured = float(np.sort(moved)[max(0, int(np.ceil(test.share * len(moved))) - 1)])
    return _finding(
        name,
        test.name,
        held >= test.share,
        (measured, test.tolerance),
        f"Changing {test.column} among {len(test.values)} values moves the probability by at most "
        f"{test.tolerance:g} in {held:.1%} of {rows.num_rows} rows; {test.share:.1%} are asked for",
    )


def _direction(test: Direction, stage: Stage, predict: Predict, name: str) -> Finding:
    rows = rows_where(stage.rows, test.where)
    held = evenly(rows.filter(rows.column(column_of(test.column)).is_valid()), test.rows)
    if not held.num_rows:
        return _nothing(test.name, name, 1, 0)
    changed = predict(with_added(held, test.column, test.add)) - predict(held)
    gain = changed if test.effect == "raises" else -changed
    mean, share = float(np.mean(gain)), float(np.mean(gain > 0))
    passed = mean > test.by and (test.share is None or share >= test.share)
    return _finding(
        name,
        test.name,
        passed,
        (mean, test.by),
        f"Adding {_amount(test.add)} to {test.column} {test.effect} the probability by "
        f"{mean:.4f} on average (more than {test.by:g} is asked for) and in {share:.1%} "
        f"of {held.num_rows} rows"
        + (f" (at least {test.share:.1%})" if test.share is not None else ""),
    )


def _minimum(test: Minimum, stage: Stage, predict: Predict, name: str) -> Iterator[Finding]:
    given = rows_given(test.given, stage.columns) if test.given else None
    rows = rows_where(stage.rows, test.where) if given is None else given
    if rows.num_rows < test.rows:
        yield _nothing(test.name, name, test.rows, rows.num_rows)
        return
    found = predict(rows)
    held = found if given is not None else np.array([np.mean(found)])
    of = f"of {rows.num_rows} rows" + (" on average" if given is None else ", each")
    if test.at_least is not None:
        least = float(np.min(held))
        text = f"The probability {of} is {least:.4f}; at least {test.at_least:g} is asked for"
        yield _finding(name, test.name, least >= test.at_least, (least, test.at_least), text)
    if test.at_most is not None:
        most = float(np.max(held))
        text = f"The probability {of} is {most:.4f}; at most {test.at_most:g} is asked for"
        yield _finding(name, test.name, most <= test.at_most, (most, test.at_most), text)
    for metric_name, floor in test.metric.items():
        metric = stage.task.metrics[metric_name]
        value = metric(rows.column(stage.label).to_numpy(), found)
        text = f"{metric.label} of {rows.num_rows} rows is held against {floor:g}"
        yield _finding(name, test.name, metric.reaches(value, floor), (value, floor), text)


def _amount(add: float | timedelta) -> str:
    return format_duration(add) if isinstance(add, timedelta) else f"{add:g}"


def _nothing(test: str, name: str, wanted: int, found: int) -> Finding:
    text = f"{found} row(s) were found to try it on; at least {wanted} are needed"
    return _finding(name, test, False, (float(found), float(wanted)), text)


def _finding(
    name: str, test: str, passed: bool, numbers: Sequence[float | None], text: str
) -> Finding:
    measured, limit = numbers
    return Finding(
        code="behaviour",
        severity=Severity.INFO if passed else Severity.FAIL,
        subject=f"{name}: {test}",
        measured=measured if measured is None or np.isfinite(measured) else "not finite",
        limit=limit,
        sentence=f"{text}: {'holds' if passed else 'does not hold'}.",
    )
