"""Joins of a source to examples, in time or by key alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from components.data.tables.columns import Bools, Ints, cast_to_kind, duration_us

Column: TypeAlias = pa.Array | pa.ChunkedArray


def factorize(*tables: Sequence[Column]) -> tuple[Ints, ...]:
    """Numbers the distinct keys of several tables, given by their key columns, together.

    Returns:
        For each table the code of each row's key, int64 [rows]. Equal keys have equal codes in
        every table; a key with a null part is -1.
    """
    columns = [_encode(parts) for parts in zip(*tables, strict=True)]
    codes = columns[0]
    if len(columns) > 1:
        frame = pd.DataFrame(dict(enumerate(columns)))
        numbered = frame.groupby(list(frame), sort=False).ngroup()
        codes = numbered.where((frame >= 0).all(axis=1), -1).to_numpy()
    ends = np.cumsum([len(table[0]) for table in tables])
    return tuple(np.split(codes, ends[:-1]))


def asof_join(
    keys: Sequence[Column],
    times: Ints,
    source_keys: Sequence[Column],
    source_times: Ints,
    known_after: timedelta,
    max_age: timedelta | None,
) -> Ints:
    """Finds the newest source row that was known at each example's own time.

    Of two rows with one key and one time the later in the source is taken. A null key matches
    nothing.

    Args:
        keys: The examples' key columns.
        times: Their event times, microseconds, shape [examples].
        source_keys: The source's key columns, of the same types.
        source_times: Its event times, microseconds, shape [source rows].
        known_after: Publication delay; a row is not known before it has passed.
        max_age: An older row is not joined; None if a row is valid until the next one.

    Returns:
        The row of the source for each example, int64 [examples]; -1 if there is none.
    """
    codes, source_codes = factorize(keys, source_keys)
    examples = pd.DataFrame({"key": codes, "time": times})
    known = pd.DataFrame({"key": source_codes, "time": source_times + duration_us(known_after)})
    known["row"] = np.arange(len(known))
    known = known[known["key"] >= 0].sort_values("time", kind="stable")
    ordered = examples.sort_values("time", kind="stable")
    rows = pd.merge_asof(ordered, known, on="time", by="key")["row"].fillna(-1).astype(np.int64)
    found: Ints = rows.set_axis(ordered.index).sort_index().to_numpy()
    if max_age is not None and len(source_times):
        found = np.where(times - source_times[found] <= duration_us(max_age), found, -1)
    return found


def lookup_join(keys: Sequence[Column], source_keys: Sequence[Column]) -> Ints:
    """Finds the first row of a static source with each example's key; a null key matches nothing.

    Returns:
        The row of the source for each example, int64 [examples]; -1 if there is none.
    """
    codes, source_codes = factorize(keys, source_keys)
    rows = pd.Series(np.arange(len(source_codes)), index=source_codes)
    rows = rows[(rows.index >= 0) & ~rows.index.duplicated()]
    return np.asarray(rows.reindex(codes, fill_value=-1).to_numpy(), np.int64)


def leaked_rows(times: Ints, source_times: Ints, rows: Ints, known_after: timedelta) -> int:
    """Counts joined rows that were not known yet; checks the result, whatever joined it."""
    joined = rows >= 0
    known = source_times[rows[joined]] + duration_us(known_after)
    return int((known > times[joined]).sum())


def key_columns(table: pa.Table, like: pa.Table, on: Sequence[str], name: str) -> list[Column]:
    """The join keys of a source, cast to the types that the examples have.

    Raises:
        InputError: A key cannot be cast.
    """
    where = f"data.external.{name}.on"
    return [cast_to_kind(table[one], like[one].type, f"{where}: {one}") for one in on]


def is_first(columns: Sequence[Column]) -> Bools:
    """Whether no row before has the same key, bool [rows]; a null key repeats nothing."""
    (codes,) = factorize(columns)
    return np.asarray((codes < 0) | ~pd.Series(codes).duplicated().to_numpy(), np.bool_)


def _encode(parts: Sequence[Column]) -> Ints:
    chunks = [c for p in parts for c in (p.chunks if isinstance(p, pa.ChunkedArray) else [p])]
    joined = pa.chunked_array(chunks, type=parts[0].type).combine_chunks()
    indices = joined.dictionary_encode().indices
    codes: Ints = indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes
