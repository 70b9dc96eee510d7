"""Which rows of the window are judged, as arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data.monitor.performance import Labelled
from components.data.monitor.shift import Answers


@dataclass(frozen=True)
class Judged:
    """The rows that are judged, and whose they are.

    Attributes:
        table: The rows.
        whose: In words.
        is_champion: Whether they are the champion's own.
    """

    table: pa.Table
    whose: str
    is_champion: bool


def judged_rows(rows: pa.Table, version: str, label: str, enough: int) -> Judged:
    """The champion's own rows where enough of them are labelled, else all.

    Args:
        rows: The rows of the window.
        version: The champion's version.
        label: The label column.
        enough: So many labelled rows are enough.
    """
    own = own_rows(rows, version)
    count = labelled_rows(own, label)
    if count >= enough:
        return Judged(own, f"the champion's own {own.num_rows:,} rows are judged", True)
    if own.num_rows == rows.num_rows:
        return Judged(own, "all rows are the champion's own", True)
    text = (
        f"the champion {version} has only {count:,} labelled rows of its own, so the rows of all "
        "versions are judged"
    )
    return Judged(rows, text, False)


def own_rows(rows: pa.Table, version: str) -> pa.Table:
    """The rows that a version answered."""
    return rows.filter(pc.equal(rows["version"], version))


def labelled_rows(rows: pa.Table, label: str) -> int:
    """How many rows have a label."""
    return int(rows.num_rows - rows[label].null_count)


def is_finite(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether each row's prediction is a number, bool [rows]."""
    finite: npt.NDArray[np.bool_] = np.isfinite(_numbers(rows["probability"]))
    return finite


def labelled_of(rows: pa.Table, label: str, event_time: str) -> Labelled:
    """The rows with a label and a prediction that is a number."""
    kept = rows.filter(pa.array(is_finite(rows) & rows[label].is_valid().to_numpy()))
    return Labelled(
        _numbers(kept[label]), _numbers(kept["probability"]), instants(kept[event_time])
    )


def answers_of(rows: pa.Table, event_time: str) -> Answers:
    """The rows with a prediction that is a number."""
    kept = rows.filter(pa.array(is_finite(rows)))
    return Answers(_numbers(kept["probability"]), instants(kept[event_time]))


def instants(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    """A timestamp[us, UTC] column without nulls as datetime64[us] [rows]."""
    times: npt.NDArray[np.datetime64] = column.cast(pa.int64()).to_numpy().view("datetime64[us]")
    return times


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers = column.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return np.asarray(numbers, np.float64)
