"""Reads the prediction log, the audit and the target, and links them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.core import audit, storage
from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.audit.provenance import Provenance, build_provenance
from components.ops.plan.model_files import load_spec_of
from components.ops.targets.local.target_uri import SCHEME, parse_target_uri
from components.ops.targets.store.location import locate_model

_FOUND_BY = pa.schema([("request_id", pa.string()), ("row", pa.int32())])
_FILE = "__filename"


def trace(request: str, model: str, overlay: str = "", target: str = "") -> tuple[Provenance, ...]:
    """The provenance of each row of a request, by the request's id or ``id/row``.

    Raises:
        InputError: The request is not in the log, or something cannot be read.
    """
    spec = load_spec_of(model, overlay, target)
    rows = find_predictions(spec.serving.log, request)
    if not rows:
        do = "A row is logged within seconds; one that was lost is counted by the server's metrics."
        raise InputError(f"request {request}", "no such row", f"one in {spec.serving.log}", do)
    entries = audit.entries(spec.serving.audit_uri)
    event_time = spec.data.primary.event_time
    return tuple(build_provenance(r, entries, _card(spec, r["version"]), event_time) for r in rows)


def find_predictions(log: str, request: str) -> tuple[Mapping[str, Any], ...]:
    """Finds a request, by its id or ``id/row``, in the prediction log.

    Two columns of every file are searched; the others are read only from files with a match.

    Returns:
        Column to value of each row, in the request's order; empty if it is not in the log.

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


def _card(spec: Spec, version: str) -> ModelCard | None:
    """The card of a version; None if it is no longer kept where models are served from."""
    if Path(version).name != version:
        return None
    file = f"{_published(spec, version)}/{MODEL_CARD}"
    if not storage.exists(file):
        return None
    return ModelCard.parse(storage.read_bytes(file), file, "a model card")


def _published(spec: Spec, version: str) -> str:
    """The folder that a version is served from."""
    serving = spec.serving
    if serving.target.startswith(SCHEME):
        return str(parse_target_uri(serving.target).model_folder(version))
    assert serving.store is not None  # a spec with another target has one
    return locate_model(serving.store, spec.name, version).uri


def _condition(request: str) -> pc.Expression:
    """Matches the id as it is, for it may hold a slash, or one row of a request."""
    whole = pc.field("request_id") == request
    name, _, row = request.rpartition("/")
    if not (row.isascii() and row.isdigit()):
        return whole
    return whole | ((pc.field("request_id") == name) & (pc.field("row") == int(row)))


def _rows(path: str, filesystem: Any, wanted: pc.Expression) -> Sequence[Mapping[str, Any]]:
    found = ds.dataset([path], filesystem=filesystem, format="parquet").to_table(filter=wanted)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows
