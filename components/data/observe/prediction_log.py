"""Reads the prediction log: Parquet files of many servers and versions, some of them broken."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import SourceRead
from components.core.digest import digest_of
from components.core.spans import TimeInterval
from components.data.tables.columns import INSTANT, REFUSED, cast_array

_T = TypeVar("_T")
LOG_FIELDS = pa.schema(
    {
        "request_id": pa.string(),
        "row": pa.int32(),
        "logged_at": INSTANT,
        "model": pa.string(),
        "version": pa.string(),
        "latency_ms": pa.float64(),
        "probability": pa.float64(),
        "predicted": pa.int64(),
    }
)


@dataclass(frozen=True)
class LoggedPredictions:
    """The files of a log that can be read.

    Attributes:
        files: Each file's path below it, and its bytes.
        schema: What all files are cast to; `LOG_FIELDS` come first.
    """

    uri: str
    files: tuple[tuple[str, int], ...]
    event_time: str
    schema: pa.Schema
    _datasets: tuple[ds.Dataset, ...] = field(repr=False)
    _root: str = field(repr=False)
    _broken: set[str] = field(repr=False)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Files without a footer, and those whose pages were found damaged when they were read."""
        return tuple(sorted(path.removeprefix(self._root).strip("/") for path in self._broken))

    def _each(self, part: ds.Dataset, read: Callable[[Any], _T]) -> Iterator[_T]:
        """What a reader gives for all files of a dataset, or for each one if any is damaged."""
        if self._broken.isdisjoint(part.files):
            with suppress(pa.ArrowException, OSError):
                yield read(part)
                return
        for file in part.files:
            if file not in self._broken:
                alone = ds.dataset(file, part.schema, "parquet", filesystem=part.filesystem)
                try:
                    yield read(alone)
                except (pa.ArrowException, OSError):
                    self._broken.add(file)

    @property
    def _timed(self) -> list[ds.Dataset]:
        """The files that have an instant as event time."""
        timed, name = [], self.event_time
        for part in self._datasets:
            if name in part.schema.names and pa.types.is_timestamp(part.schema.field(name).type):
                timed.append(part)
        return timed

    def within(self, interval: TimeInterval) -> pa.Table:
        """The rows of an interval of event time, in any order."""
        time = ds.field(self.event_time)
        inside = (time >= _scalar(interval.start)) & (time < _scalar(interval.end))
        parts = (self._each(part, lambda d: d.to_table(filter=inside)) for part in self._timed)
        tables = [self._typed(table) for table in chain.from_iterable(parts)]
        return pa.concat_tables([self.schema.empty_table(), *tables])

    def without_time(self) -> int:
        """Counts the rows of the whole log without an event time, which belong to no window."""
        present = ds.field(self.event_time).is_valid()
        timed = (self._each(part, lambda d: d.count_rows(filter=present)) for part in self._timed)
        present_rows = sum(chain.from_iterable(timed))
        every = (self._each(part, lambda d: d.count_rows()) for part in self._datasets)
        return int(sum(chain.from_iterable(every)) - present_rows)

    def newest(self, before: datetime) -> datetime | None:
        """The newest event time before an instant; None if nothing was logged."""
        earlier = ds.field(self.event_time) < _scalar(before)
        columns = [self.event_time]
        parts = (
            self._each(part, lambda d: d.to_table(columns=columns, filter=earlier))
            for part in self._timed
        )
        times = [pc.max(table[self.event_time]).as_py() for table in chain.from_iterable(parts)]
        return max((time for time in times if time), default=None)

    def read(self, rows: int) -> SourceRead:
        """The lineage entry; files are written once, so names and sizes identify the content."""
        size = sum(count for _, count in self.files)
        return SourceRead(uri=self.uri, rows=rows, bytes=size, digest=digest_of(self.files))

    def _typed(self, table: pa.Table) -> pa.Table:
        columns = {
            column.name: cast_or_null(table[column.name], column.type)
            if column.name in table.column_names
            else pa.nulls(table.num_rows, column.type)
            for column in self.schema
        }
        return pa.table(columns, schema=self.schema)


def open_log(uri: str, event_time: str, columns: pa.Schema) -> LoggedPredictions:
    """Opens the log; a missing folder is a log without rows.

    Args:
        uri: Its folder of ``<hour of logging>/<version>-<uuid>.parquet`` files; other names, such
            as a file that is still being written, are ignored.
        event_time: Its column of event times.
        columns: Key, event time and raw columns with the types to cast them to; other columns of
            the files keep their own.
    """
    filesystem, root = storage.resolve(uri)
    root = root.rstrip("/")
    paths = sorted(str(path) for path in filesystem.glob(f"{root.replace('[', '[[]')}/*/*.parquet"))
    reader = _arrow_filesystem(filesystem)
    alike: dict[pa.Schema | None, list[str]] = {}
    for path in paths:
        alike.setdefault(_schema(path, reader), []).append(path)
    broken = dict.fromkeys(alike.pop(None, ()))
    return LoggedPredictions(
        uri=uri,
        files=tuple(
            (path.removeprefix(root).strip("/"), int(filesystem.size(path)))
            for path in paths
            if path not in broken
        ),
        event_time=event_time,
        schema=_merged_schema(columns, list(alike)),
        _datasets=tuple(
            ds.dataset(part, schema=schema, format="parquet", filesystem=reader)
            for schema, part in alike.items()
        ),
        _root=root,
        _broken=set(broken),
    )


def _arrow_filesystem(filesystem: Any) -> pa_fs.FileSystem:
    if "file" in filesystem.protocol:
        return pa_fs.LocalFileSystem()
    return pa_fs.PyFileSystem(pa_fs.FSSpecHandler(filesystem))


def _schema(path: str, reader: pa_fs.FileSystem) -> pa.Schema | None:
    try:
        return pq.read_schema(path, filesystem=reader).remove_metadata()
    except (pa.ArrowInvalid, OSError):
        return None


def _merged_schema(columns: pa.Schema, schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The log's own fields, then the wanted columns, then what else files have, by name."""
    known = {*LOG_FIELDS.names, *columns.names}
    others = sorted({name for schema in schemas for name in schema.names} - known)
    types = {n: common_type([s.field(n).type for s in schemas if n in s.names]) for n in others}
    return pa.schema([*LOG_FIELDS, *columns, *pa.schema(types)])


def _scalar(instant: datetime) -> Any:
    return pa.scalar(instant, INSTANT)


def cast_or_null(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Casts a column; a value that cannot be cast becomes null.

    Clients that disagree on whether a key is 15 or "15" mean the same example.
    """
    try:
        return pa.chunked_array([cast_array(column.combine_chunks(), target)])
    except REFUSED:
        # Value by value, over the distinct ones: there are fewer of them than rows.
        encoded = column.combine_chunks().dictionary_encode()
        found = encoded.dictionary
        distinct = [_cast_or_null(found[i : i + 1], target) for i in range(len(found))]
        values = pa.concat_arrays([pa.nulls(0, target), *distinct])
        return pa.chunked_array([pc.take(values, encoded.indices)])


def _cast_or_null(value: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        return cast_array(value, target)
    except REFUSED:
        return pa.nulls(1, target)


def common_type(types: list[pa.DataType]) -> pa.DataType:
    """The type that values of several types can be cast to; string if there is no other."""
    fields = [pa.schema([pa.field("value", one)]) for one in types]
    try:
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.string()
