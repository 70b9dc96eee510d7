"""Observes windows: reads the log and the labels, writes their rows and what they cover."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from components.core.artifacts import BEFORE, COVERAGE, LABELLED, OBSERVED
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.spans import TimeInterval, format_instant, parse_instant
from components.data.observe.arrived import ARROW_TYPES, read_answers
from components.data.observe.coverage import Coverage, newest_of
from components.data.observe.prediction_log import FIELDS, INSTANT, PredictionLog, open_log
from components.data.observe.window import DUE, labelled_file, observe_window
from components.data.prepare.files import parquet_bytes


def observe(plan_folder: Path, observations: Path) -> Coverage:
    """Writes what the model answered in a window, beside the labels that have arrived.

    Args:
        plan_folder: The plan artifact.
        observations: The folder to fill: ``observed.parquet`` (the window that is watched),
            ``before.parquet`` (the one before), ``labelled.parquet`` (the one whose labels are
            judged, where it is neither of them) and ``coverage.json``.

    Raises:
        InputError: The table of examples cannot be read, or the label is called like a column.
    """
    plan = Plan.of(plan_folder)
    _check_names(plan)
    windows = plan.windows
    both = TimeInterval(start=windows.before.start, end=windows.watch.end)
    answers = read_answers(plan, both, windows.labelled)
    event_time = plan.spec.data.primary.event_time
    log = open_log(plan.spec.serving.log, event_time, _columns(plan, answers.table.schema))
    rows = log.within(both)
    tables = {
        OBSERVED: observe_window(plan, rows, windows.watch, answers.table),
        BEFORE: observe_window(plan, rows, windows.before, answers.table),
    }
    judged = labelled_file(windows)
    if judged not in tables:
        earlier = log.within(windows.labelled)
        tables[judged] = observe_window(plan, earlier, windows.labelled, answers.table)
    covered = {name: window.coverage for name, window in tables.items()}
    coverage = Coverage(
        plan=plan.digest,
        as_of=plan.as_of,
        watch=covered[OBSERVED],
        before=covered[BEFORE],
        labelled=covered[judged],
        newest=_newest(log, rows, parse_instant(plan.as_of)),
        timeless=log.without_time(),
        unreadable=log.unreadable,
        sources=(log.read(sum(c.rows + c.repeated for c in covered.values())), *answers.read),
    )
    observations.mkdir(parents=True, exist_ok=True)
    (observations / LABELLED).unlink(missing_ok=True)  # of a run before, in the same folder
    for name, window in tables.items():
        (observations / name).write_bytes(parquet_bytes(window.rows))
    coverage.write(observations / COVERAGE)
    return coverage


def _columns(plan: Plan, answers: pa.Schema) -> pa.Schema:
    """Key as the table of examples has it, event time, and raw columns."""
    data = plan.spec.data.primary
    types = {column.name: ARROW_TYPES[column.kind] for column in plan.columns}
    types |= {**{name: answers.field(name).type for name in data.key}, data.event_time: INSTANT}
    names = dict.fromkeys((*data.key, data.event_time, *types))
    return pa.schema([(name, types[name]) for name in names])


def _check_names(plan: Plan) -> None:
    """A label that is called like a column of the log would stand for two things.

    Raises:
        InputError: It is.
    """
    name = plan.spec.label.name
    taken = {*FIELDS.names, DUE, *_raw_names(plan)}
    if name in taken:
        raise InputError("label.name", name, "a name that no column of the prediction log has")


def _raw_names(plan: Plan) -> tuple[str, ...]:
    return (*plan.spec.data.primary.key, *(column.name for column in plan.columns))


def _newest(log: PredictionLog, rows: pa.Table, as_of: datetime) -> str | None:
    """Of the windows if they have rows, for then nothing older needs to be read."""
    newest = newest_of(rows, log.event_time) or log.newest(as_of)
    return format_instant(newest) if newest else None
