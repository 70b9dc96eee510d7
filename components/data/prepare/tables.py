"""Reading a source: its bytes once, then only the columns that are wanted."""

import difflib
import logging
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import SourceRead
from components.core.digest import digest_bytes
from components.core.errors import InputError
from components.core.spec import FeatureKind
from components.data.prepare.columns import typed
from components.data.prepare.wanted import Wanted

_log = logging.getLogger(__name__)
_MISSING = ["", "NA", "NaN", "nan", "null", "NULL"]


@dataclass(frozen=True)
class SourceFile:
    """A file as it was fetched.

    Attributes:
        uri: Where it was read.
        format: ``parquet`` or ``csv``.
        content: Its bytes.
        digest: SHA-256 of its bytes.
    """

    uri: str
    format: str
    content: bytes = field(repr=False)
    digest: str


def fetch(uri: str, file_format: str) -> SourceFile:
    """Reads the bytes of a source.

    Raises:
        InputError: There is no such file.
    """
    content = storage.read_bytes(uri)
    return SourceFile(uri, file_format, content, digest_bytes(content))


def parse(file: SourceFile, wanted: Wanted) -> pa.Table:
    """Reads the wanted columns of a source, each brought to its type.

    Returns:
        One chunk a column, in the order of `wanted`; rows in the file's order.

    Raises:
        InputError: A column is missing or holds something else, or the file cannot be read.
    """
    try:
        raw = _read_parquet(file, wanted) if file.format == "parquet" else _read_csv(file, wanted)
    except pa.ArrowInvalid as error:
        raise InputError(file.uri, str(error)[:200], f"a {file.format} file") from error
    for field_ in raw.schema:
        if pa.types.is_timestamp(field_.type) and field_.type.tz is None:
            _log.info("%s: %s has no time zone and is taken as UTC", file.uri, field_.name)
    columns = {n: typed(raw[n], kind, f"{file.uri}: {n}") for n, kind in wanted.items()}
    return pa.table(columns)


def read_of(file: SourceFile, rows: int, origin: str = "", licence: str = "") -> SourceRead:
    """What a lineage says of a file."""
    return SourceRead(
        uri=file.uri,
        rows=rows,
        bytes=len(file.content),
        digest=file.digest,
        origin=origin,
        licence=licence,
    )


def own_types(file: SourceFile) -> pa.Schema:
    """The names and types of all columns of a source, as its file has them.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        if file.format == "parquet":
            return pq.read_schema(pa.BufferReader(file.content))
        return pa_csv.open_csv(pa.BufferReader(file.content)).schema
    except pa.ArrowInvalid as error:
        raise InputError(file.uri, str(error)[:200], f"a {file.format} file") from error


def _read_parquet(file: SourceFile, wanted: Wanted) -> pa.Table:
    reader = pq.ParquetFile(pa.BufferReader(file.content))
    _check_names(file.uri, wanted, reader.schema_arrow.names)
    return reader.read(columns=list(wanted))


def _read_csv(file: SourceFile, wanted: Wanted) -> pa.Table:
    _check_names(file.uri, wanted, own_types(file).names)
    # A category such as 007 must not become the number 7 on its way.
    texts = {name: pa.string() for name, kind in wanted.items() if kind is FeatureKind.CATEGORY}
    options = pa_csv.ConvertOptions(
        include_columns=list(wanted),
        column_types=texts,
        null_values=_MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pa_csv.read_csv(pa.BufferReader(file.content), convert_options=options)


def _check_names(uri: str, wanted: Wanted, names: list[str]) -> None:
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{uri}: column", name, f"one of {', '.join(names)}", hint)
