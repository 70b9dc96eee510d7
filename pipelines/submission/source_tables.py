"""Copies a model's source tables to where an overlay has them.

With a sample, every Nth row of the primary table is copied, in the order of its files, and the
external sources go whole: joins find what they would find.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from components.core import storage
from components.core.errors import InputError
from components.core.spec import Spec
from components.core.spec.data import PLACEHOLDERS
from components.ops.plan.folder import StoredFolder
from components.ops.plan.model_files import read_spec

_FORMATS = {
    "csv": (pyarrow.csv.read_csv, pyarrow.csv.write_csv),
    "parquet": (pq.read_table, pq.write_table),
}


@dataclass(frozen=True)
class TableCopy:
    """A file to copy; only those of the primary table can be sampled."""

    source: str
    destination: str
    format: str
    is_primary: bool


def upload_tables(model: str, overlay: str, sample: int = 1) -> Iterator[tuple[str, int]]:
    """Copies the tables that an overlay has elsewhere; of the primary, every `sample`-th row.

    Yields:
        The destination and size in bytes of each file that was copied.

    Raises:
        InputError: A table cannot be read, or its files differ in how they are cut.
    """
    if sample < 1:
        raise InputError("SAMPLE", sample, "1 for all rows, N for every Nth")
    folder = StoredFolder(model)
    for copy in copies(read_spec(folder).spec, read_spec(folder, overlay).spec):
        content = content_of(copy, sample)
        storage.write_bytes(copy.destination, content)
        yield copy.destination, len(content)


def copies(base: Spec, over: Spec) -> Iterator[TableCopy]:
    """The files that an overlay has elsewhere.

    Raises:
        InputError: A table's files differ in how they are cut, or there are none.
    """
    for copy in _tables(base, over):
        root, files = storage.resolve(copy.source)[1].rstrip("/"), storage.table_files(copy.source)
        if files == (copy.source,):
            yield copy
            continue
        for file in files:  # of a folder
            below = storage.resolve(file)[1].removeprefix(root)
            yield replace(copy, source=file, destination=copy.destination.rstrip("/") + below)


def _tables(base: Spec, over: Spec) -> Iterator[TableCopy]:
    here, there = base.data.primary, over.data.primary
    if here.uri != there.uri:
        for source, name in _files(here.uri, here.placeholder):
            destination = there.uri.replace(there.placeholder or "", name) if name else there.uri
            yield TableCopy(source, destination, here.format, is_primary=True)
    for name, external in base.data.external.items():
        destination = over.data.external[name].uri
        if external.uri != destination:
            yield TableCopy(external.uri, destination, external.format, is_primary=False)


def content_of(copy: TableCopy, every: int) -> bytes:
    """The bytes for the destination: every nth row of the primary table, all of others.

    Raises:
        InputError: There is no such file, or it is not a table.
    """
    content, written = storage.read_bytes(copy.source), io.BytesIO()
    if every == 1 or not copy.is_primary:
        return content
    read, write = _FORMATS[copy.format]
    try:
        table = read(io.BytesIO(content))
        write(table.take(pa.array(range(0, table.num_rows, every), pa.int64())), written)
    except (pa.ArrowException, OSError) as error:
        raise InputError(copy.source, str(error), f"a table in {copy.format}") from error
    return written.getvalue()


def _files(uri: str, placeholder: str | None) -> Iterator[tuple[str, str]]:
    """The files of a table, each with the name of its span; empty if there is one file."""
    if placeholder is None:
        yield uri, ""
        return
    before, _, after = uri.partition(placeholder)
    if any(mark in after for mark in PLACEHOLDERS):
        do = "Copy the tables by other means."
        raise InputError("data.primary.uri", uri, "one of {hour}, {day}, {month}", do)
    found = storage.list_files(uri.replace(placeholder, "*"))
    if not found:
        do = "A model that makes its own data does it in `make train` and `make run`."
        raise InputError("data.primary.uri", uri, "files that are there", do)
    for file in found:
        # Found paths are absolute, so only the part before the name is looked for.
        yield file, file.removesuffix(after).rpartition(f"/{before.rpartition('/')[2]}")[2]
