"""The labelled rows that models are judged on, and those that a recalibration is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.core.artifacts import SplitName, example_files
from components.core.spec import Spec
from components.core.tasks import blocks_of


@dataclass(frozen=True)
class Labelled:
    """Rows whose label is known.

    Attributes:
        rows: All columns of the examples.
        label: float64 [n].
        event_time: datetime64[us] [n], UTC.
    """

    rows: pa.Table
    label: NDArray[np.float64]
    event_time: NDArray[np.datetime64]

    def blocks(self, block: str) -> NDArray[np.int64]:
        """int64 [n], the same number for rows of one hour, day or week."""
        return blocks_of(self.event_time, block)


def read_split(examples: Path, split: SplitName, spec: Spec) -> Labelled:
    """The labelled rows of a split; none where it has no file."""
    return _labelled([_read(file) for file in example_files(examples, split)], spec)


def read_newest(examples: Path, spec: Spec, period: timedelta, least: int) -> Labelled:
    """Labelled training rows that reach back a period and are at least so many, if there are."""
    found = _labelled([], spec)
    tables: list[pa.Table] = []
    for file in reversed(example_files(examples, SplitName.TRAIN)):
        tables.insert(0, _read(file))
        found = _labelled(tables, spec)
        if len(found.label) >= least and np.ptp(found.event_time) >= np.timedelta64(period):
            break
    return found


def together(parts: Sequence[Labelled]) -> pa.Table:
    """The rows of several parts, one after the other."""
    return pa.concat_tables([part.rows for part in parts if part.rows.num_rows])


def _read(file: Path) -> pa.Table:
    return pq.read_table(file, partitioning=None)  # an '=' in a folder's name adds no column


def _labelled(tables: Sequence[pa.Table], spec: Spec) -> Labelled:
    if not tables:
        nothing = np.empty(0, dtype="datetime64[us]")
        return Labelled(pa.table({}), np.empty(0), nothing)
    rows = pa.concat_tables(tables)
    rows = rows.filter(pc.is_valid(rows.column(spec.label.name)))
    label = rows.column(spec.label.name).cast(pa.float64()).to_numpy()
    times = rows.column(spec.data.primary.event_time).cast(pa.timestamp("us", "UTC"))
    instants = times.cast(pa.int64()).to_numpy().astype("datetime64[us]")
    return Labelled(rows, label, instants)
