"""Joins in time: which row of an outside source was known when an example came to be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.errors import InputError
from components.data.prepare.keys import codes_of

Rows = npt.NDArray[np.int64]
"""For each example the row of the source, shape [examples]; -1: it has none."""


@dataclass(frozen=True)
class TimeRule:
    """When a row of a history may be joined; all in microseconds.

    Attributes:
        known_after_us: Publication delay: a row does not exist before it has passed.
        max_age_us: An older row is no longer true; None: it is until the next one.
    """

    known_after_us: int
    max_age_us: int | None


def newest_known(
    keys: Sequence[pa.Array],
    times: Rows,
    source_keys: Sequence[pa.Array],
    source_times: Rows,
    rule: TimeRule,
) -> Rows:
    """The newest row that was known at each example's own time.

    Of two rows with one key and one time the later in the source is taken.

    Args:
        keys: The examples' key columns; a missing key has no row.
        times: Their event times, microseconds, shape [examples].
        source_keys: The source's key columns, of the same types.
        source_times: Its event times, microseconds, shape [source rows].
        rule: Delay and oldest age.
    """
    codes, source_codes = codes_of(keys, source_keys)
    known = source_times + rule.known_after_us
    instants = np.unique(known)
    # An example's rank is the number of instants not after it; a row's is its own instant's.
    width = len(instants) + 1
    source_rank = source_codes * width + np.searchsorted(instants, known) + 1
    rank = codes * width + np.searchsorted(instants, times, side="right")
    order = np.argsort(source_rank, kind="stable")
    place = np.searchsorted(source_rank[order], rank, side="right") - 1
    if not len(order):
        return np.full(len(codes), -1, np.int64)
    row = order[np.maximum(place, 0)]
    found = (place >= 0) & (codes >= 0) & (source_codes[row] == codes)
    if rule.max_age_us is not None:
        found &= times - source_times[row] <= rule.max_age_us
    return np.where(found, row, -1)


def first_match(keys: Sequence[pa.Array], source_keys: Sequence[pa.Array]) -> Rows:
    """The first row of a static source with each example's key.

    Args:
        keys: The examples' key columns; a missing key has no row.
        source_keys: The source's key columns, of the same types.
    """
    codes, source_codes = codes_of(keys, source_keys)
    distinct, first = np.unique(source_codes, return_index=True)
    if not len(distinct):
        return np.full(len(codes), -1, np.int64)
    place = np.minimum(np.searchsorted(distinct, codes), len(distinct) - 1)
    found = (codes >= 0) & (distinct[place] == codes)
    return np.where(found, first[place], -1)


def rows_from_future(times: Rows, source_times: Rows, rows: Rows, known_after_us: int) -> int:
    """How many joined rows were not known yet; measured on the result, whatever joined it."""
    joined = rows >= 0
    known = source_times[rows[joined]] + known_after_us
    return int((known > times[joined]).sum())


def key_columns(table: pa.Table, like: pa.Table, on: Sequence[str], name: str) -> list[pa.Array]:
    """The join keys of a source in the types that the examples have.

    Raises:
        InputError: A key cannot be brought to the other's type.
    """
    columns = []
    for column in on:
        given, wanted = table[column], like[column].type
        try:
            columns.append(given.cast(wanted).combine_chunks())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            accepted = f"{wanted}, as the primary table has it"
            where = f"data.external.{name}.on: {column}"
            raise InputError(where, str(given.type), accepted) from error
    return columns


def repeated_keys(columns: Sequence[pa.Array]) -> int:
    """How many rows have a key that a row before them has; a missing key repeats nothing."""
    (codes,) = codes_of(columns)
    known = codes[codes >= 0]
    return len(known) - len(np.unique(known))
