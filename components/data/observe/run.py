"""Observes windows: reads the log and the labels, writes their rows and what they cover."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import BEFORE, COVERAGE, LABELLED, OBSERVED, SourceRead
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.span_files import uri_of
from components.core.spans import TimeInterval
from components.data.observe.prediction_log import LOG_FIELDS, open_log
from components.data.tables.columns import (
    ARROW_TYPES,
    INSTANT,
    Ints,
    column_us,
    instant_us,
    is_due,
    read_labels,
    rows_within,
)
from components.data.tables.joins import is_first, lookup_join
from components.data.tables.observations import Coverage, WindowCoverage, labelled_file
from components.data.tables.primary import primary_columns
from components.data.tables.sources import decide_types, fetch, parquet_bytes, parse, source_read

DUE = "due"
_LOGGED_ORDER = ("logged_at", "request_id", "row")
_HOUR_US = 3_600_000_000


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
    arrived, read = read_arrived_labels(plan, both, windows.labelled)
    log = open_log(plan.spec.serving.log, event_time, _columns(plan, arrived.schema))
    rows = log.within(both)
    observed = {
        OBSERVED: observe_window(plan, rows, windows.watch, arrived),
        BEFORE: observe_window(plan, rows, windows.before, arrived),
    }
    judged = labelled_file(windows)
    if judged not in observed:
        earlier = log.within(windows.labelled)
        observed[judged] = observe_window(plan, earlier, windows.labelled, arrived)
    covered = {name: coverage for name, (_, coverage) in observed.items()}
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
        sources=(log.read(sum(c.rows + c.repeated for c in covered.values())), *read),
    )
    observations.mkdir(parents=True, exist_ok=True)
    (observations / LABELLED).unlink(missing_ok=True)  # of a run before, in the same folder
    for name, (table, _) in observed.items():
        (observations / name).write_bytes(parquet_bytes(table))
    coverage.write(observations / COVERAGE)
    return coverage


def observe_window(
    plan: Plan, rows: pa.Table, window: TimeInterval, arrived: pa.Table
) -> tuple[pa.Table, WindowCoverage]:
    """Keeps one prediction for each example and version of a window and joins the labels.

    Returns:
        The log's columns, the label (null if not known) and ``due``, in order of event time, then
        of logging; and what they cover.
    """
    data, label = plan.spec.data.primary, plan.spec.label
    inside = rows_within(rows, data.event_time, window)
    first = _sorted(first_predictions(inside, data.key), (data.event_time, *_LOGGED_ORDER))
    due = is_due(first[data.event_time], label.known_after, plan.as_of)
    labelled = join_labels(first.append_column(DUE, due), arrived, data.key, label.name)
    empty, longest = empty_hours(column_us(labelled[data.event_time]), window)
    versions = labelled["version"].value_counts().to_pylist()
    coverage = WindowCoverage(
        start=window.start,
        end=window.end,
        rows=labelled.num_rows,
        due=pc.sum(due).as_py() or 0,
        labelled=labelled.num_rows - labelled[label.name].null_count,
        keyless=labelled.num_rows - labelled.select(list(data.key)).drop_null().num_rows,
        repeated=inside.num_rows - labelled.num_rows,
        versions=dict(sorted((str(v["values"]), v["counts"]) for v in versions)),
        empty_hours=empty,
        longest_silence_h=longest,
    )
    return labelled, coverage


def first_predictions(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Keeps the first logged prediction of each version for each example, in order of logging.

    The first prediction is the one that was acted upon. A later request for the same example (a
    client's retry, a replay, even after the label is known) must not change what an earlier run
    observed. A row with an incomplete key cannot be matched to another, so all of them are kept.
    """
    ordered = _sorted(rows, _LOGGED_ORDER)
    return ordered.filter(pa.array(is_first([ordered[name] for name in (*key, "version")])))


def join_labels(rows: pa.Table, arrived: pa.Table, key: Sequence[str], label: str) -> pa.Table:
    """Adds the label column before ``due``: null if not due, not arrived, or without a key.

    Args:
        rows: Rows of the log with a bool column ``due`` at the end, keys typed as in `arrived`.
        arrived: Key columns and the label column (int8) of the examples; of two rows with one
            key the first counts, as in training.
        key: The columns that identify an example.
        label: The name of the label column.
    """
    found = lookup_join([rows[name] for name in key], [arrived[name] for name in key])
    missing = (found < 0) | ~rows[DUE].to_numpy()
    labels = arrived[label].combine_chunks().take(pa.array(found, mask=missing))
    return rows.add_column(rows.num_columns - 1, label, labels)


def empty_hours(times: Ints, window: TimeInterval) -> tuple[int, float]:
    """Measures the gaps in a window.

    Args:
        times: Event times within the window, microseconds since 1970, int64 [rows].
        window: The window.

    Returns:
        Clock hours of the window without a row, and the longest stretch without one in hours,
        from the window's start and to its end.
    """
    start, end = instant_us(window.start), instant_us(window.end)
    hours = -(-end // _HOUR_US) - start // _HOUR_US
    empty = hours - len(np.unique(times // _HOUR_US))
    edges = np.concatenate(([start], np.sort(times), [end]))
    return int(empty), round(float(np.diff(edges).max()) / _HOUR_US, 2)


def read_arrived_labels(
    plan: Plan, *intervals: TimeInterval
) -> tuple[pa.Table, tuple[SourceRead, ...]]:
    """Reads the labels of the examples of one or more intervals of event time.

    Returns:
        Key columns and the label column (int8, null if not known); and the files that were read.

    Raises:
        InputError: A file cannot be read, or lacks a column.
    """
    primary, label, every = plan.spec.data.primary, plan.spec.label, primary_columns(plan)
    names = dict.fromkeys((*primary.key, primary.event_time, label.column))
    uris = dict.fromkeys(
        uri_of(primary.uri, span)
        for span in plan.time_spans
        if any(span.start < i.end and span.end > i.start for i in intervals)
    )
    files = [fetch(uri, primary) for uri in uris]
    kinds = decide_types({name: every[name] for name in names}, files)
    tables = [parse(file, kinds) for file in files]
    types = {name: ARROW_TYPES.get(str(kinds[name]), kinds[name]) for name in primary.key}
    empty = pa.schema({**types, label.name: pa.int8()}).empty_table()
    parts = [empty, *(_labelled(plan, table, *intervals) for table in tables)]
    read = tuple(source_read(f, t.num_rows) for f, t in zip(files, tables, strict=True))
    return pa.concat_tables(parts), read


def _labelled(plan: Plan, table: pa.Table, *intervals: TimeInterval) -> pa.Table:
    primary, label = plan.spec.data.primary, plan.spec.label
    inside = rows_within(table, primary.event_time, *intervals)
    known = is_due(inside[primary.event_time], label.known_after, plan.as_of)
    labels = read_labels(inside[label.column], known, label)
    return inside.select(list(primary.key)).append_column(label.name, labels)


def _columns(plan: Plan, arrived: pa.Schema) -> pa.Schema:
    """Key as the primary table has it, event time, and raw columns."""
    data = plan.spec.data.primary
    own = {**{name: arrived.field(name).type for name in data.key}, data.event_time: INSTANT}
    raw = {column.name: ARROW_TYPES[column.kind] for column in plan.columns}
    return pa.schema({**own, **raw, **own})  # a raw column that is also a key has the key's type


def _check_label_name(plan: Plan) -> None:
    name, raw = plan.spec.label.name, (column.name for column in plan.columns)
    if name in {*LOG_FIELDS.names, DUE, *plan.spec.data.primary.key, *raw}:
        raise InputError("label.name", name, "a name that no column of the prediction log has")


def _sorted(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in (*columns, "version")])
