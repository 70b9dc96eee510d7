"""Tables as bytes: one table is always the same bytes, and the same name."""

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
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return digest_bytes(sink.getvalue())
