"""The provenance of a prediction: its model version, the run that deployed it, its decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.core.artifacts import ModelCard
from components.core.audit import AuditEntry

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


@dataclass(frozen=True)
class LoggedPrediction:
    """One row of the prediction log.

    Attributes:
        logged: The columns that every log has.
        inputs: Key columns, event time and raw columns.
    """

    logged: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """Everything behind one prediction.

    Attributes:
        prediction: The logged row.
        card: The model's card; None if its folder is gone.
        run: The run that deployed the version; None if unknown.
        steps: What that run decided, in the order of its steps.
        monitored: The first monitoring run after the event; None if there was none yet.
        missing: The links that were not found, one sentence each.
    """

    prediction: LoggedPrediction
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
    steps = tuple(sorted((e for e in entries if run and e.run == run), key=_order))
    return Provenance(
        prediction=LoggedPrediction(
            {name: row.get(name) for name in _LOGGED},
            {name: value for name, value in row.items() if name not in _LOGGED},
        ),
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


def _order(entry: AuditEntry) -> tuple[int, str]:
    place = STEPS.index(entry.step) if entry.step in STEPS else len(STEPS)
    return place, entry.step


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
    for step in _REQUIRED:
        if step not in there:
            yield f"run {run} has no entry of its step {step}"
    if card is not None:
        yield from _disagreements(card, steps)


def _disagreements(card: ModelCard, steps: Iterable[AuditEntry]) -> Iterable[str]:
    """The digests that differ between the model's card and the run's entries."""
    for entry in (e for e in steps if _is_about(e, card)):
        for name, digest in entry.digests.items():
            if card.digests.get(name, digest) != digest:
                yield f"the digest of {name} differs between the model and step {entry.step}"


def _is_about(entry: AuditEntry, card: ModelCard) -> bool:
    """Whether an entry is neither of the monitoring before nor of another challenger."""
    monitoring = entry.step == "monitor" or entry.details.get("purpose") == "monitor"
    another = entry.step == "train" and entry.version != card.version
    return not (monitoring or another)
