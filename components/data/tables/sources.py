"""Sources: read once as bytes, then only the selected columns; and tables as bytes."""

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import SourceRead
from components.core.digest import digest_bytes
from components.core.errors import InputError
from components.core.spec import FeatureKind
from components.data.tables.columns import cast_to_kind

ColumnSelection: TypeAlias = Mapping[str, FeatureKind | None]
"""The columns to read and what each must hold; None: whatever its own type says."""

_log = logging.getLogger(__name__)
_MISSING = ["", "NA", "NaN", "nan", "null", "NULL"]


@dataclass(frozen=True)
class SourceFile:
    """A ``parquet`` or ``csv`` file as it was fetched, with the SHA-256 of its bytes."""

    uri: str
    format: str
    content: bytes = field(repr=False)
    digest: str


def fetch(uri: str, file_format: str) -> SourceFile:
    """Reads the bytes of a source; raises as `storage.read_bytes` does."""
    content = storage.read_bytes(uri)
    return SourceFile(uri, file_format, content, digest_bytes(content))


def parse(file: SourceFile, selection: ColumnSelection) -> pa.Table:
    """Reads the selected columns of a source, each cast to its kind.

    Returns:
        One chunk a column, in the order of `selection`; rows in the file's order.

    Raises:
        InputError: A column is missing or holds something else, or the file cannot be read.
    """
    _check_names(file.uri, selection, file_schema(file).names)
    try:
        raw = _read(file, selection)
    except pa.ArrowInvalid as error:
        raise _unreadable(file, error) from error
    for column in raw.schema:
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            _log.info("%s: %s has no time zone and is read as UTC", file.uri, column.name)
    columns = {n: cast_to_kind(raw[n], kind, f"{file.uri}: {n}") for n, kind in selection.items()}
    return pa.table(columns)


def file_schema(file: SourceFile) -> pa.Schema:
    """The names and types of all columns of a source, as its file has them.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        if file.format == "parquet":
            return pq.read_schema(pa.BufferReader(file.content))
        return pa_csv.open_csv(pa.BufferReader(file.content)).schema
    except pa.ArrowInvalid as error:
        raise _unreadable(file, error) from error


def source_read(file: SourceFile, rows: int, origin: str = "", licence: str = "") -> SourceRead:
    """The lineage entry of a file."""
    return SourceRead(
        uri=file.uri,
        rows=rows,
        bytes=len(file.content),
        digest=file.digest,
        origin=origin,
        licence=licence,
    )


def parquet_bytes(table: pa.Table) -> bytes:
    """Writes a table as Parquet; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    # Chunks are joined first, because where they end moves page boundaries.
    pq.write_table(table.combine_chunks(), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def digest_table(table: pa.Table) -> str:
    """Digests the content of a table, rows in order."""
    # Taken, not sliced: the last byte of a slice's bitmap holds its neighbours' bits.
    table = table.take(pa.array(np.arange(table.num_rows))).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return digest_bytes(sink.getvalue())


def _read(file: SourceFile, selection: ColumnSelection) -> pa.Table:
    content = pa.BufferReader(file.content)
    if file.format == "parquet":
        return pq.ParquetFile(content).read(columns=list(selection))
    # A category such as 007 must not be parsed as the number 7.
    texts = {n: pa.string() for n, kind in selection.items() if kind is FeatureKind.CATEGORY}
    options = pa_csv.ConvertOptions(
        include_columns=list(selection),
        column_types=texts,
        null_values=_MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pa_csv.read_csv(content, convert_options=options)


def _check_names(uri: str, selection: ColumnSelection, names: list[str]) -> None:
    for name in selection:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{uri}: column", name, f"one of {', '.join(names)}", hint)


def _unreadable(file: SourceFile, error: pa.ArrowInvalid) -> InputError:
    return InputError(file.uri, str(error)[:200], f"a {file.format} file")
