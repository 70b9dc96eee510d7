"""Key columns as whole numbers, so that they can be compared and sorted in one go."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Codes = npt.NDArray[np.int64]
Column: TypeAlias = pa.Array | pa.ChunkedArray


def codes_of(*tables: Sequence[Column]) -> tuple[Codes, ...]:
    """Numbers the distinct keys of several tables together.

    Args:
        *tables: The key columns of each table; the nth column of all has one type.

    Returns:
        For each table the code of each row's key, shape [rows]; equal keys have equal codes in
        every table, and a key with a missing part is -1.
    """
    columns = [_encode(parts) for parts in zip(*tables, strict=True)]
    codes = columns[0]
    for column in columns[1:]:
        missing = (codes < 0) | (column < 0)
        codes = np.where(missing, -1, codes * (int(column.max(initial=0)) + 1) + column)
        # Numbered anew, so that many columns do not run out of 64 bits.
        distinct, inverse = np.unique(codes, return_inverse=True)
        codes = np.where(missing, -1, inverse - int(distinct.min(initial=0) < 0))
    ends = np.cumsum([len(table[0]) for table in tables])
    return tuple(np.split(codes, ends[:-1]))


def _encode(parts: Sequence[Column]) -> Codes:
    chunks = [c for p in parts for c in (p.chunks if isinstance(p, pa.ChunkedArray) else [p])]
    joined = pa.chunked_array(chunks, type=parts[0].type).combine_chunks()
    indices = joined.dictionary_encode().indices
    codes: Codes = indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes
