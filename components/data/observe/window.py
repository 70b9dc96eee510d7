"""One window of the log: what was answered in it, and what came true."""

from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import BEFORE, LABELLED, OBSERVED
from components.core.plan import Plan, Windows
from components.core.spans import TimeInterval, parse_instant
from components.data.observe.answers import first_answers, is_due, with_labels
from components.data.observe.coverage import WindowCoverage, coverage_of

DUE = "due"
_INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class ObservedWindow:
    """A window, observed.

    Attributes:
        rows: The log's columns, the label (null where it is not known) and ``due``; in order of
            event time, then of logging.
        coverage: What they cover.
    """

    rows: pa.Table
    coverage: WindowCoverage


def observe_window(
    plan: Plan, rows: pa.Table, window: TimeInterval, answers: pa.Table
) -> ObservedWindow:
    """Keeps one answer for each example and version of a window and joins the labels.

    Args:
        plan: Key, event time, label and the instant that is looked back from.
        rows: Rows of the log.
        window: Which of them.
        answers: Key columns and label of the examples whose label has arrived.
    """
    data, label = plan.spec.data.primary, plan.spec.label
    inside = within(rows, data.event_time, window)
    single = first_answers(inside, data.key)
    order = (data.event_time, "logged_at", "request_id", "row", "version")
    single = single.take(pc.sort_indices(single, sort_keys=[(n, "ascending") for n in order]))
    due = is_due(single[data.event_time], label.known_after, parse_instant(plan.as_of))
    labelled = with_labels(single.append_column(DUE, due), answers, data.key, label.name)
    repeated = inside.num_rows - single.num_rows
    coverage = coverage_of(labelled, repeated, window, data.event_time, data.key, label.name)
    return ObservedWindow(labelled, coverage)


def labelled_file(windows: Windows) -> str:
    """The file that holds the rows of the window whose labels are judged; none is stored twice."""
    if not windows.is_late:
        return OBSERVED
    return BEFORE if windows.labelled == windows.before else LABELLED


def within(rows: pa.Table, event_time: str, *intervals: TimeInterval) -> pa.Table:
    """The rows of intervals of event time, at least one; a row without one is in none."""
    inside = (_is_inside(rows[event_time], interval) for interval in intervals)
    return rows.filter(reduce(pc.or_, inside))


def _is_inside(times: pa.ChunkedArray, interval: TimeInterval) -> pa.ChunkedArray:
    start, end = pa.scalar(interval.start, _INSTANT), pa.scalar(interval.end, _INSTANT)
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
