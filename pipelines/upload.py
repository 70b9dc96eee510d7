"""``make upload``: copies a model's source tables to where an overlay has them.

With a sample, every Nth row of the primary table goes along, in the order of its files, and the
outside sources go whole: joins find what they would find.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from components.core import storage
from components.core.errors import InputError, RatoonError
from components.core.spec import Spec
from components.core.spec.data import PLACEHOLDERS
from components.ops.plan.folder import StoredFolder
from components.ops.plan.request import read_spec


@dataclass(frozen=True)
class Copy:
    """A file that is to be copied.

    Attributes:
        source: Where it is.
        destination: Where it goes.
        format: parquet or csv.
        is_primary: Whether a sample is taken of it.
    """

    source: str
    destination: str
    format: str
    is_primary: bool


def copies(base: Spec, over: Spec) -> Iterator[Copy]:
    """What an overlay has elsewhere.

    Args:
        base: The spec as it is written: where the tables are.
        over: The spec with the overlay: where they should be.

    Raises:
        InputError: A table's files differ in how they are cut, or there is none.
    """
    here, there = base.data.primary, over.data.primary
    if here.uri != there.uri:
        for source, name in _files(here.uri, here.placeholder):
            destination = there.uri.replace(there.placeholder or "", name) if name else there.uri
            yield Copy(source, destination, here.format, is_primary=True)
    for name, external in base.data.external.items():
        destination = over.data.external[name].uri
        if external.uri != destination:
            yield Copy(external.uri, destination, external.format, is_primary=False)


def content_of(copy: Copy, every: int) -> bytes:
    """The bytes that go to the destination.

    Args:
        copy: The file.
        every: 1: all of it; N: every Nth row of the primary table.

    Raises:
        InputError: There is no such file, or it is no table.
    """
    content = storage.read_bytes(copy.source)
    if every == 1 or not copy.is_primary:
        return content
    try:
        return _thinned(content, copy.format, every)
    except pa.ArrowInvalid as error:
        raise InputError(copy.source, str(error), f"a table in {copy.format}") from error


def main(arguments: list[str] | None = None) -> int:
    """Copies, and says each file; 1 where something could not be read or written."""
    parser = argparse.ArgumentParser(prog="make upload", description=__doc__)
    parser.add_argument("model", help="the model's folder")
    parser.add_argument("--overlay", required=True, help="has the places to copy to")
    parser.add_argument("--sample", type=int, default=1, help="every Nth row of the primary table")
    options = parser.parse_args(arguments)
    try:
        if options.sample < 1:
            raise InputError("SAMPLE", options.sample, "1 for all rows, N for every Nth")
        folder = StoredFolder(options.model)
        base, over = read_spec(folder).spec, read_spec(folder, options.overlay).spec
        copied = [_copied(copy, options.sample) for copy in copies(base, over)]
    except (RatoonError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not copied:
        sys.stdout.write(f"{options.overlay} has every table where model.yaml has it\n")
    return 0


def _copied(copy: Copy, every: int) -> str:
    content = content_of(copy, every)
    storage.write_bytes(copy.destination, content)
    sys.stdout.write(f"{copy.destination}  {len(content):,} bytes\n")
    sys.stdout.flush()
    return copy.destination


def _files(uri: str, placeholder: str | None) -> Iterator[tuple[str, str]]:
    """The files of a table, each with the name of its span; empty where there is one file."""
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
        # A path is found as an absolute one, so only what leads up to the name is looked for.
        yield file, file.removesuffix(after).rpartition(f"/{before.rpartition('/')[2]}")[2]


def _thinned(content: bytes, form: str, every: int) -> bytes:
    written = io.BytesIO()
    if form == "csv":
        table = pyarrow.csv.read_csv(io.BytesIO(content))
        pyarrow.csv.write_csv(_every(table, every), written)
    else:
        pq.write_table(_every(pq.read_table(io.BytesIO(content)), every), written)
    return written.getvalue()


def _every(table: pa.Table, every: int) -> pa.Table:
    return table.take(pa.array(range(0, table.num_rows, every), pa.int64()))


if __name__ == "__main__":
    sys.exit(main())
