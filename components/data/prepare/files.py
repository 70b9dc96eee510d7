"""Tables as bytes: one table is always the same bytes, and the same name."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.digest import digest_bytes


def parquet_bytes(table: pa.Table) -> bytes:
    """Writes a table as Parquet.

    Chunks are joined first, for where they end moves page boundaries.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def digest_rows(table: pa.Table) -> str:
    """Names the content of a table, rows in order."""
    # Taken, not sliced: the last byte of a slice's bitmap holds its neighbours' bits.
    table = table.take(pa.array(np.arange(table.num_rows))).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return digest_bytes(sink.getvalue())
