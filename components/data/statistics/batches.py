"""Arrow tables in the form that TFDV's kernels read: a list of values for every row."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

_BATCH_ROWS = 1 << 18


def record_batches(table: pa.Table, batch_rows: int = _BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Wraps every value of a table in a list of one.

    A missing value becomes a missing list: an empty one would be counted as present. An instant
    becomes whole seconds since 1970 UTC, as the model reads it; a boolean becomes 0 or 1.

    Args:
        table: Flat columns of numbers, booleans, strings or instants.
        batch_rows: The most rows of a batch.
    """
    columns = {name: _plain(table[name]) for name in table.column_names}
    for batch in pa.table(columns).combine_chunks().to_batches(max_chunksize=batch_rows):
        lists = [_in_lists(column) for column in batch.columns]
        yield pa.RecordBatch.from_arrays(lists, names=table.column_names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        seconds = column.cast(pa.timestamp("s", tz=column.type.tz), safe=False)
        return seconds.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    return column


def _in_lists(column: pa.Array) -> pa.ListArray:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.zeros(len(column) + 1, np.int32)
    np.cumsum(present, out=ends[1:])
    mask = pa.array(~present) if column.null_count else None
    return pa.ListArray.from_arrays(pa.array(ends), column.drop_null(), mask=mask)
