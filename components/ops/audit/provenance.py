"""The provenance of a prediction: its model version, the run that deployed it, its decisions.

It is linked from the prediction log, the audit and the target.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from components.core import audit, storage
from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.audit import AuditEntry
from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.plan.model_files import load_spec_of
from components.ops.targets.store.location import locate_model
from components.ops.targets.target_uri import LOCAL_SCHEME, parse_local_uri

STEPS = ("plan", "prepare", "validate", "train", "evaluate", "deploy", "rollout", "schedule")
_REQUIRED = ("plan", "validate", "evaluate", "deploy", "rollout")
_LOGGED = (
    "request_id",
    "row",
    "logged_at",
    "model",
    "version",
    "latency_ms",
    "probability",
    "predicted",
)
_FOUND_BY = pa.schema([("request_id", pa.string()), ("row", pa.int32())])
_FILE = "__filename"


@dataclass(frozen=True)
class Provenance:
    """Everything behind one prediction.

    Attributes:
        logged: The columns of the logged row that every log has.
        inputs: Its key columns, event time and raw columns.
        card: The model's card; None if its folder is gone.
        run: The run that deployed the version; None if unknown.
        steps: What that run decided, in the order of its steps.
        monitored: The first monitoring run after the event; None if there was none yet.
        missing: The links that were not found, one sentence each.
    """

    logged: Mapping[str, Any]
    inputs: Mapping[str, Any]
    card: ModelCard | None
    run: str | None
    steps: tuple[AuditEntry, ...]
    monitored: AuditEntry | None
    missing: tuple[str, ...]


def build_provenance(
    row: Mapping[str, Any], entries: Sequence[AuditEntry], card: ModelCard | None, event_time: str
) -> Provenance:
    """Links a logged row, whose event was at its column `event_time`, with the audit."""
    version = row["version"]
    run = deploying_run(version, entries)
    place = {step: number for number, step in enumerate(STEPS)}
    ours = (entry for entry in entries if run and entry.run == run)
    steps = tuple(sorted(ours, key=lambda e: (place.get(e.step, len(place)), e.step)))
    return Provenance(
        logged={name: row.get(name) for name in _LOGGED},
        inputs={name: value for name, value in row.items() if name not in _LOGGED},
        card=card,
        run=run,
        steps=steps,
        monitored=_monitored(row, entries, event_time),
        missing=tuple(_missing(version, run, steps, card)),
    )


def deploying_run(version: str, entries: Iterable[AuditEntry]) -> str | None:
    """The last run that rolled a version out, else the last that deployed it; None if unknown.

    A run that only planned or evaluated the version never served it.
    """
    for step in ("rollout", "deploy"):
        runs = [e for e in entries if e.version == version and e.step == step]
        if runs:
            return max(runs, key=lambda e: (e.as_of, e.run)).run
    return None


def _monitored(
    row: Mapping[str, Any], entries: Iterable[AuditEntry], event_time: str
) -> AuditEntry | None:
    """The monitoring run in whose window the event lies; replays log it much later."""
    event = row.get(event_time)
    if event is None:
        return None
    checks = (e for e in entries if e.step == "monitor" and e.model == row["model"])
    after = (e for e in checks if e.as_of > event)
    return min(after, key=lambda e: e.as_of, default=None)


def _missing(
    version: str, run: str | None, steps: Sequence[AuditEntry], card: ModelCard | None
) -> Iterable[str]:
    if card is None:
        yield f"the folder of version {version} is not at the target any more"
    if run is None:
        yield f"no entry of the audit says which run deployed version {version}"
        return
    there = {entry.step for entry in steps}
    yield from (f"run {run} has no entry of its step {s}" for s in _REQUIRED if s not in there)
    if card is not None:
        yield from _disagreements(card, steps)


def _disagreements(card: ModelCard, steps: Iterable[AuditEntry]) -> Iterable[str]:
    """The digests that differ between the model's card and the run's entries."""
    for entry in steps:
        # A run may also hold the monitoring before it, and another challenger.
        monitoring = entry.step == "monitor" or entry.details.get("purpose") == "monitor"
        if monitoring or (entry.step == "train" and entry.version != card.version):
            continue
        for name, digest in entry.digests.items():
            if card.digests.get(name, digest) != digest:
                yield f"the digest of {name} differs between the model and step {entry.step}"


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
        rows: list[Mapping[str, Any]] = []
        for path in sorted(hits):
            file = ds.dataset([path], filesystem=filesystem, format="parquet")
            rows += file.to_table(filter=wanted).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(log, str(error)[:300], "files that a model server wrote") from error
    return tuple(sorted(rows, key=lambda row: (row["logged_at"], row["row"])))


def _card(spec: Spec, version: str) -> ModelCard | None:
    """The card of a version; None if it is no longer kept where models are served from."""
    if Path(version).name != version:
        return None
    serving = spec.serving
    if serving.target.startswith(LOCAL_SCHEME):
        folder = str(parse_local_uri(serving.target).model_folder(version))
    else:
        assert serving.store is not None  # a spec with another target has one
        folder = locate_model(serving.store, spec.name, version).uri
    file = f"{folder}/{MODEL_CARD}"
    if not storage.exists(file):
        return None
    return ModelCard.parse(storage.read_bytes(file), file, "a model card")


def _condition(request: str) -> pc.Expression:
    """Matches the id as it is, for it may hold a slash, or one row of a request."""
    whole = pc.field("request_id") == request
    name, _, row = request.rpartition("/")
    if not (row.isascii() and row.isdigit()):
        return whole
    return whole | ((pc.field("request_id") == name) & (pc.field("row") == int(row)))
