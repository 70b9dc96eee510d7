"""Observes windows: reads the log and the labels, writes their rows and their coverage."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import BEFORE, COVERAGE, LABELLED, OBSERVED
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.spans import TimeInterval
from components.data.observe.prediction_log import LOG_FIELDS, open_log
from components.data.observe.windows import DUE, observe_window, read_arrived_labels
from components.data.tables.columns import ARROW_TYPES, INSTANT
from components.data.tables.observations import Coverage, labelled_file
from components.data.tables.sources import parquet_bytes


def observe(plan_folder: Path, observations: Path) -> Coverage:
    """Writes what the model predicted in each window, with the labels that have arrived.

    Args:
        plan_folder: The plan artifact.
        observations: The folder to fill: ``observed.parquet`` (the window that is watched),
            ``before.parquet`` (the one before), ``labelled.parquet`` (the one whose labels are
            judged, if it is neither of them) and ``coverage.json``.

    Raises:
        InputError: The primary table cannot be read, or the label has the name of a column.
    """
    plan = Plan.of(plan_folder)
    _check_label_name(plan)
    windows, event_time = plan.windows, plan.spec.data.primary.event_time
    both = TimeInterval(start=windows.before.start, end=windows.watch.end)
    arrived = read_arrived_labels(plan, both, windows.labelled)
    log = open_log(plan.spec.serving.log, event_time, _columns(plan, arrived.table.schema))
    rows = log.within(both)
    tables = {
        OBSERVED: observe_window(plan, rows, windows.watch, arrived.table),
        BEFORE: observe_window(plan, rows, windows.before, arrived.table),
    }
    judged = labelled_file(windows)
    if judged not in tables:
        earlier = log.within(windows.labelled)
        tables[judged] = observe_window(plan, earlier, windows.labelled, arrived.table)
    covered = {name: window.coverage for name, window in tables.items()}
    coverage = Coverage(
        plan=plan.digest,
        as_of=plan.as_of,
        watch=covered[OBSERVED],
        before=covered[BEFORE],
        labelled=covered[judged],
        # If the windows have rows, nothing older needs to be read.
        newest=pc.max(rows[event_time]).as_py() or log.newest(plan.as_of),
        timeless=log.without_time(),
        unreadable=log.unreadable,
        sources=(log.read(sum(c.rows + c.repeated for c in covered.values())), *arrived.read),
    )
    observations.mkdir(parents=True, exist_ok=True)
    (observations / LABELLED).unlink(missing_ok=True)  # of a run before, in the same folder
    for name, window in tables.items():
        (observations / name).write_bytes(parquet_bytes(window.rows))
    coverage.write(observations / COVERAGE)
    return coverage


def _columns(plan: Plan, arrived: pa.Schema) -> pa.Schema:
    """Key as the primary table has it, event time, and raw columns."""
    data = plan.spec.data.primary
    types = {column.name: ARROW_TYPES[column.kind] for column in plan.columns}
    types |= {**{name: arrived.field(name).type for name in data.key}, data.event_time: INSTANT}
    names = dict.fromkeys((*data.key, data.event_time, *types))
    return pa.schema([(name, types[name]) for name in names])


def _check_label_name(plan: Plan) -> None:
    name, raw = plan.spec.label.name, (column.name for column in plan.columns)
    if name in {*LOG_FIELDS.names, DUE, *plan.spec.data.primary.key, *raw}:
        raise InputError("label.name", name, "a name that no column of the prediction log has")
