"""Sources: read once as bytes, then only the selected columns; and tables as bytes.

A table is one file, or the part files of a folder or of a glob, whose rows follow one another.
"""

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import SourceRead
from components.core.digest import digest_bytes, digest_of
from components.core.errors import InputError
from components.core.spec import External, FeatureKind, Primary
from components.data.tables.columns import (
    INSTANT,
    all_match,
    cast_to_kind,
    common_key_type,
    own_type,
)

ColumnSelection: TypeAlias = Mapping[str, FeatureKind | pa.DataType | None]
"""The columns to read and what each must hold; None: the type that all files together have."""

_log = logging.getLogger(__name__)
_UNREADABLE = (pa.ArrowException, OSError)  # a damaged page is an OSError
_QUOTED = pa_csv.ParseOptions(newlines_in_values=True)
_WHOLE = r"(0|-?[1-9]\d*)(\.0+)?"  # 007 is a text
_DATE = r"\d{4}-\d\d-\d\d"


@dataclass(frozen=True)
class SourceFile:
    """A ``parquet`` or ``csv`` table as it was fetched, with the SHA-256 of its bytes.

    Attributes:
        null_words: The texts that are missing in a CSV, besides the empty one.
        parts: The files of a folder or glob, which has no content of its own.
    """

    uri: str
    format: str
    content: bytes = field(repr=False)
    digest: str
    null_words: tuple[str, ...] = ()
    parts: "tuple[SourceFile, ...]" = ()

    @property
    def files(self) -> "tuple[SourceFile, ...]":
        """The parts, or the file itself."""
        return self.parts or (self,)


def fetch(uri: str, source: Primary | External) -> SourceFile:
    """Reads the bytes of a table of a source; raises as `storage.table_files` does."""
    return _fetch(uri, source, storage.read_bytes)


def fetch_types(uri: str, source: Primary | External) -> SourceFile:
    """Reads what `decide_types` needs of a table: of Parquet files only their footers."""
    return _fetch(uri, source, _footer if source.format == "parquet" else storage.read_bytes)


def _footer(uri: str) -> bytes:
    length = int.from_bytes(storage.read_bytes(uri, last=8)[:4], "little")
    return storage.read_bytes(uri, last=length + 8)


def _fetch(uri: str, source: Primary | External, read: Callable[[str], bytes]) -> SourceFile:
    words, files = source.csv.null_words, []
    for name in storage.table_files(uri):
        content = read(name)
        files.append(SourceFile(name, source.format, content, digest_bytes(content), words))
    if [file.uri for file in files] == [uri]:
        return files[0]
    digest = digest_of([file.digest for file in files])
    return SourceFile(uri, source.format, b"", digest, words, tuple(files))


def decide_types(
    selection: ColumnSelection, files: Iterable[SourceFile]
) -> Mapping[str, FeatureKind | pa.DataType]:
    """The selection with one type for each column of its own type, in all files together."""
    own = [name for name, kind in selection.items() if kind is None]
    found: dict[str, set[pa.DataType]] = {name: set() for name in own}
    for file in (part for table in files if own for part in table.files):
        for name, type_ in _own_types(file, own).items():
            found[name].add(type_)
    return {n: common_key_type(found[n]) if kind is None else kind for n, kind in selection.items()}


def parse(file: SourceFile, selection: ColumnSelection) -> pa.Table:
    """Reads the selected columns of a source, each cast to its kind.

    Returns:
        One chunk a column, in the order of `selection`; rows in the file's order.

    Raises:
        InputError: A column is missing or holds something else, or the file cannot be read.
    """
    kinds = decide_types(selection, [file])
    return pa.concat_tables([_parse_part(part, kinds) for part in file.files]).combine_chunks()


def _parse_part(file: SourceFile, kinds: ColumnSelection) -> pa.Table:
    _check_names(file.uri, kinds, file_schema(file).names)
    raw = _read(file, list(kinds))
    for column in raw.schema:
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            _log.info("%s: %s has no time zone and is read as UTC", file.uri, column.name)
    columns = {}
    for name, kind in kinds.items():
        column, where = raw[name], f"{file.uri}: {name}"
        if file.format == "csv" and isinstance(kind, pa.DataType):
            column = pa.chunked_array([_typed(column.combine_chunks())])
        columns[name] = cast_to_kind(column, kind, where)
    return pa.table(columns)


def file_schema(file: SourceFile) -> pa.Schema:
    """The names and types of all columns of a source, as its first file has them.

    Raises:
        InputError: The file cannot be read.
    """
    file = file.files[0]
    try:
        if file.format == "parquet":
            return pq.read_schema(pa.BufferReader(file.content))
        return pa_csv.open_csv(pa.BufferReader(file.content), parse_options=_QUOTED).schema
    except _UNREADABLE as error:
        raise _unreadable(file, error) from error


def source_read(file: SourceFile, rows: int, origin: str = "", licence: str = "") -> SourceRead:
    """The lineage entry of a file."""
    return SourceRead(
        uri=file.uri,
        rows=rows,
        bytes=sum(len(part.content) for part in file.files),
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


def _own_types(file: SourceFile, names: list[str]) -> dict[str, pa.DataType]:
    """The own type of each of the columns that the file has; a CSV is read for them."""
    schema = file_schema(file)
    names = [name for name in names if name in schema.names]
    if file.format == "parquet" or not names:
        return {name: own_type(schema.field(name).type) for name in names}
    table = _read(file, names)
    return {name: _typed(table[name].combine_chunks()).type for name in names}


def _read(file: SourceFile, names: list[str]) -> pa.Table:
    """The columns as the file has them; those of a CSV as the texts that were written."""
    content = pa.BufferReader(file.content)
    try:
        if file.format == "parquet":
            return pq.ParquetFile(content).read(columns=names)
        options = pa_csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=["", *file.null_words],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return pa_csv.read_csv(content, parse_options=_QUOTED, convert_options=options)
    except _UNREADABLE as error:
        raise _unreadable(file, error) from error


def _typed(texts: pa.Array) -> pa.Array:
    """The keys of a CSV: whole numbers of 64 bits, dates, instants, or the texts themselves."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts))
    try:
        if all_match(texts, _WHOLE):
            return pc.replace_substring_regex(texts, r"\.0+$", "").cast(pa.int64())
        if all_match(texts, _DATE):
            return texts.cast(pa.date32())
        if all_match(texts, _DATE + r"[T ]\d\d:.*"):
            return cast_to_kind(pa.chunked_array([texts]), INSTANT, "")
    except (pa.ArrowInvalid, InputError):
        pass  # more than 64 bits, or no such day
    return texts


def _check_names(uri: str, selection: ColumnSelection, names: list[str]) -> None:
    for name in selection:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{uri}: column", name, f"one of {', '.join(names)}", hint)


def _unreadable(file: SourceFile, error: Exception) -> InputError:
    return InputError(file.uri, str(error)[:200], f"a {file.format} file")
