"""The chain behind a prediction: its model version, the run that deployed it, what that decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.core.artifacts import ModelCard
from components.core.audit import AuditEntry
from components.core.spans import parse_instant

STEPS = ("plan", "prepare", "validate", "train", "evaluate", "deploy", "rollout", "schedule")
_MUST_BE = ("plan", "validate", "evaluate", "deploy", "rollout")
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
class Prediction:
    """One logged answer.

    Attributes:
        logged: The columns that every log has.
        inputs: Key columns, event time and raw columns.
    """

    logged: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Chain:
    """Everything behind one prediction.

    Attributes:
        prediction: The answer.
        card: What the model is; None where its folder is not there.
        run: The run that deployed the version; None where the audit does not say.
        steps: What that run decided, in the order of its steps.
        watched: The first monitoring run after the event; None where there was none yet.
        missing: The links that could not be found, one sentence each.
    """

    prediction: Prediction
    card: ModelCard | None
    run: str | None
    steps: tuple[AuditEntry, ...]
    watched: AuditEntry | None
    missing: tuple[str, ...]


def chain_of(
    row: Mapping[str, Any], entries: Sequence[AuditEntry], card: ModelCard | None, event_time: str
) -> Chain:
    """Links a logged row with the audit.

    Args:
        row: The row of the prediction log.
        entries: Every entry of the audit.
        card: The model's card, where its folder is there.
        event_time: The row's column that says when the event was.
    """
    version = row["version"]
    run = deploying_run(version, entries)
    steps = tuple(sorted((e for e in entries if run and e.run == run), key=_order))
    return Chain(
        prediction=Prediction(
            {name: row.get(name) for name in _LOGGED},
            {name: value for name, value in row.items() if name not in _LOGGED},
        ),
        card=card,
        run=run,
        steps=steps,
        watched=_watched(row, entries, event_time),
        missing=tuple(_missing(version, run, steps, card)),
    )


def deploying_run(version: str, entries: Iterable[AuditEntry]) -> str | None:
    """The run that brought a version into service: the last that rolled it out, else deployed it.

    A version that was only planned or evaluated was never served by that run.
    """
    for step in ("rollout", "deploy"):
        runs = [e for e in entries if e.version == version and e.step == step]
        if runs:
            return max(runs, key=lambda e: (e.as_of, e.run)).run
    return None


def _order(entry: AuditEntry) -> tuple[int, str]:
    place = STEPS.index(entry.step) if entry.step in STEPS else len(STEPS)
    return place, entry.step


def _watched(
    row: Mapping[str, Any], entries: Iterable[AuditEntry], event_time: str
) -> AuditEntry | None:
    """The monitoring run in whose window the event lies; replays are logged long after it."""
    event = row.get(event_time)
    if event is None:
        return None
    watched = (e for e in entries if e.step == "monitor" and e.model == row["model"])
    after = (e for e in watched if parse_instant(e.as_of) > event)
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
    for step in _MUST_BE:
        if step not in there:
            yield f"run {run} has no entry of its step {step}"
    if card is not None:
        yield from _disagreements(card, steps)


def _disagreements(card: ModelCard, steps: Iterable[AuditEntry]) -> Iterable[str]:
    """Digests that the model's card and the run's entries give differently."""
    for entry in (e for e in steps if _is_about(e, card)):
        for name, digest in entry.digests.items():
            if card.digests.get(name, digest) != digest:
                yield f"the digest of {name} differs between the model and step {entry.step}"


def _is_about(entry: AuditEntry, card: ModelCard) -> bool:
    """Not the watching that led to the retraining, nor the training of another challenger."""
    watching = entry.step == "monitor" or entry.details.get("purpose") == "watch"
    another = entry.step == "train" and entry.version != card.version
    return not (watching or another)
