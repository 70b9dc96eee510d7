"""The rows of the prediction log that answered a request."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.core import storage
from components.core.errors import InputError

_FOUND_BY = pa.schema([("request_id", pa.string()), ("row", pa.int32())])
_FILE = "__filename"


def find_predictions(log: str, request: str) -> tuple[Mapping[str, Any], ...]:
    """Finds a request in the prediction log.

    Two columns of every file are looked through; the others are read only where it was found.

    Args:
        log: Folder or URI of the log.
        request: The request's id, or ``id/row`` for one row of it.

    Returns:
        Column to value of each row, in the request's order; none where it is not in the log.

    Raises:
        InputError: There is no log, or a file of it cannot be read.
    """
    files = storage.list_files(f"{log.rstrip('/')}/*/*.parquet")
    if not files:
        raise InputError(log, "no file of predictions", "a prediction log with at least one")
    filesystem, _ = storage.resolve(log)
    paths = [storage.resolve(file)[1] for file in files]
    wanted = _condition(request)
    try:
        dataset = ds.dataset(paths, schema=_FOUND_BY, filesystem=filesystem, format="parquet")
        hits = dataset.to_table(columns=[_FILE], filter=wanted)[_FILE].unique().to_pylist()
        rows = [row for path in sorted(hits) for row in _rows(path, filesystem, wanted)]
    except (pa.ArrowException, OSError) as error:
        raise InputError(log, str(error)[:300], "files that a model server wrote") from error
    return tuple(sorted(rows, key=lambda row: (row["logged_at"], row["row"])))


def _condition(request: str) -> pc.Expression:
    """The id as it is, for a client's own may hold a slash, or one row of a request."""
    whole = pc.field("request_id") == request
    name, _, row = request.rpartition("/")
    if not (row.isascii() and row.isdigit()):
        return whole
    return whole | ((pc.field("request_id") == name) & (pc.field("row") == int(row)))


def _rows(path: str, filesystem: Any, wanted: pc.Expression) -> Sequence[Mapping[str, Any]]:
    found = ds.dataset([path], filesystem=filesystem, format="parquet").to_table(filter=wanted)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows
