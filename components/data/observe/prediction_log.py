"""Reading the prediction log: Parquet files that a server wrote, of which any may be broken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import SourceRead
from components.core.digest import digest_of
from components.core.errors import InputError
from components.core.spans import Interval

INSTANT = pa.timestamp("us", tz="UTC")
FIELDS = pa.schema(
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
class PredictionLog:
    """The files of a log that can be read.

    Attributes:
        uri: Where the log is.
        files: Each file's path below it, and its bytes.
        unreadable: Files that are no Parquet, as a crash or a full disk leaves them.
        event_time: The column that says when an example exists.
        schema: What all files have together; `FIELDS` come first.
    """

    uri: str
    files: tuple[tuple[str, int], ...]
    unreadable: tuple[str, ...]
    event_time: str
    schema: pa.Schema
    _dataset: ds.Dataset = field(repr=False)

    def within(self, interval: Interval) -> pa.Table:
        """The rows of an interval of event time, in no certain order."""
        time = ds.field(self.event_time)
        inside = (time >= _scalar(interval.start)) & (time < _scalar(interval.end))
        return self._dataset.to_table(filter=inside)

    def without_time(self) -> int:
        """Rows of the whole log that say no event time, and so belong to no window."""
        return int(self._dataset.count_rows(filter=ds.field(self.event_time).is_null()))

    def newest(self, before: datetime) -> datetime | None:
        """The newest event time before an instant; None where there is none."""
        earlier = ds.field(self.event_time) < _scalar(before)
        times = self._dataset.to_table(columns=[self.event_time], filter=earlier)
        newest: datetime | None = pc.max(times[self.event_time]).as_py()
        return newest

    def read(self, rows: int) -> SourceRead:
        """What lineage says of it; files are written once, so names and sizes name the content."""
        size = sum(count for _, count in self.files)
        return SourceRead(uri=self.uri, rows=rows, bytes=size, digest=digest_of(self.files))


def open_log(uri: str, event_time: str, columns: pa.Schema) -> PredictionLog:
    """Opens the log; a folder that is not there is a log without rows.

    Args:
        uri: Its folder: ``<hour of logging>/<version>-<uuid>.parquet`` files; names that end
            otherwise, such as a file that is still being written, are left out.
        event_time: The column that says when an example exists.
        columns: Key, event time and raw columns, for a log that has no file with them.

    Raises:
        InputError: Two files hold one column with types that have nothing in common.
    """
    filesystem, root = storage.resolve(uri)
    paths = sorted(str(path) for path in filesystem.glob(f"{root.rstrip('/')}/*/*.parquet"))
    local = "file" in filesystem.protocol
    arrow_fs = pa_fs.LocalFileSystem() if local else _wrapped(filesystem)
    found = {path: _schema(path, arrow_fs) for path in paths}
    schemas = {path: schema for path, schema in found.items() if schema is not None}
    schema = _completed(_together(uri, list(schemas.values())), columns)
    good = list(schemas)
    return PredictionLog(
        uri=uri,
        files=tuple((p.removeprefix(root).lstrip("/"), int(filesystem.size(p))) for p in good),
        unreadable=tuple(p.removeprefix(root).lstrip("/") for p in paths if found[p] is None),
        event_time=event_time,
        schema=schema,
        _dataset=_dataset(good, schema, arrow_fs),
    )


def _wrapped(filesystem: Any) -> pa_fs.FileSystem:
    return pa_fs.PyFileSystem(pa_fs.FSSpecHandler(filesystem))


def _schema(path: str, filesystem: pa_fs.FileSystem) -> pa.Schema | None:
    try:
        return pq.read_schema(path, filesystem=filesystem).remove_metadata()
    except (pa.ArrowInvalid, OSError):
        return None


def _together(uri: str, schemas: Sequence[pa.Schema]) -> pa.Schema:
    try:
        return pa.unify_schemas([FIELDS, *schemas], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        accepted = "columns of types that go together in all files"
        do = "Move the files of another model away, or serve with one version of the spec's key."
        raise InputError(
            f"serving.log: {uri}", str(error).partition("\n")[0], accepted, do
        ) from error


def _completed(schema: pa.Schema, columns: pa.Schema) -> pa.Schema:
    """With the columns that no file has; where files have one, its type is theirs."""
    for column in columns:
        if column.name not in schema.names:
            schema = schema.append(column)
    return schema


def _dataset(paths: list[str], schema: pa.Schema, filesystem: pa_fs.FileSystem) -> ds.Dataset:
    if not paths:
        return ds.InMemoryDataset(schema.empty_table())
    return ds.dataset(paths, schema=schema, format="parquet", filesystem=filesystem)


def _scalar(instant: datetime) -> Any:
    return pa.scalar(instant, INSTANT)
