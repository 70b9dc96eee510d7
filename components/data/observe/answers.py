"""Beside each prediction the answer, where it has arrived."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data.prepare.instants import of_delta, of_instant
from components.data.prepare.joins import first_match
from components.data.prepare.keys import codes_of

_ORDER = ("logged_at", "request_id", "row")


def first_answers(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """One row for each example and version: the first that was logged.

    The first answer is the one that was acted upon, and a question that is asked again later
    (a client that tries again, a replay, even after the label is known) changes neither it nor
    what an earlier run observed. Each version keeps its own answer, as in a canary. A row that
    lacks a part of its key is no example that can be found again, so every such row is kept.

    Args:
        rows: Rows of the log.
        key: The columns that identify an example.

    Returns:
        The rows that are kept, in order of logging.
    """
    ordered = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in _ORDER]))
    (codes,) = codes_of([ordered[name] for name in (*key, "version")])
    _, first = np.unique(codes, return_index=True)
    keyless = np.flatnonzero(codes < 0)
    return ordered.take(pa.array(np.union1d(first, keyless)))


def is_due(times: pa.ChunkedArray, known_after: timedelta, as_of: datetime) -> pa.Array:
    """Whether the label of an example must be known.

    Args:
        times: Event times, timestamp[us, UTC], shape [rows], none missing.
        known_after: How long after its event time a label exists.
        as_of: The instant that is looked back from.

    Returns:
        bool, shape [rows].
    """
    latest = of_instant(as_of) - of_delta(known_after)
    return pc.less_equal(times.cast(pa.int64()), latest).combine_chunks()


def with_labels(rows: pa.Table, answers: pa.Table, key: Sequence[str], label: str) -> pa.Table:
    """Adds the label column.

    Args:
        rows: Rows of the log with a bool column ``due``, keys typed as in `answers`.
        answers: Key columns and the label column (int8) of the examples; of two rows with one
            key the first counts, as in training.
        key: The columns that identify an example.
        label: The name of the label column.

    Returns:
        The rows with the label between the log's columns and ``due``: null where none is due,
        none has arrived, or the key is not complete.
    """
    keys = [rows[column].combine_chunks() for column in key]
    found = first_match(keys, [answers[column].combine_chunks() for column in key])
    missing = (found < 0) | ~rows["due"].to_numpy()
    labels = answers[label].combine_chunks().take(pa.array(found, mask=missing))
    return rows.add_column(rows.num_columns - 1, label, labels)
