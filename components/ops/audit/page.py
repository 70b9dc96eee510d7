"""The chain as text for a terminal, and as data."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from components.core.artifacts import ModelCard
from components.core.audit import AuditEntry
from components.core.spans import format_instant
from components.ops.audit.provenance import Provenance

_DIGITS = 12


def as_text(chain: Provenance) -> str:
    """The chain, a block a link."""
    logged = chain.prediction.logged
    title = f"request {logged['request_id']}, row {logged['row']}"
    answer = [
        ("answered", f"{_value(logged['logged_at'])} in {logged['latency_ms']:.2f} ms"),
        ("by", f"{logged['model']} {logged['version']}"),
        ("probability", f"{logged['probability']:.6g}, class {logged['predicted']}"),
    ]
    inputs = [(name, _value(value)) for name, value in chain.prediction.inputs.items()]
    blocks = [_block(title, answer), _block("asked with", inputs)]
    if chain.card is not None:
        blocks.append(_block(f"model {chain.card.version}", _card(chain.card)))
    if chain.run is not None:
        blocks.append(_block(f"deployed by run {chain.run}", _steps(chain.steps)))
    if chain.watched is not None:
        watched = chain.watched
        blocks.append(_block(f"watched by run {watched.run}", _entry(watched)))
    if chain.missing:
        blocks.append(_block("missing", [("", sentence) for sentence in chain.missing]))
    return "\n".join(blocks)


def as_json(chains: Iterable[Provenance]) -> str:
    """The chains as a JSON list."""
    return json.dumps([_plain(chain) for chain in chains], indent=1, default=_value) + "\n"


def _plain(chain: Provenance) -> dict[str, Any]:
    return {
        "prediction": {**chain.prediction.logged, "inputs": chain.prediction.inputs},
        "model": chain.card.model_dump(mode="json") if chain.card else None,
        "run": chain.run,
        "steps": [entry.model_dump(mode="json") for entry in chain.steps],
        "watched": chain.watched.model_dump(mode="json") if chain.watched else None,
        "missing": chain.missing,
    }


def _card(card: ModelCard) -> list[tuple[str, str]]:
    metrics = ((f"on {split}", _numbers(numbers)) for split, numbers in card.metrics.items())
    return [
        (
            "made",
            f"{card.method} as of {format_instant(card.as_of)} on {card.rows:,} rows "
            f"by run {card.run}",
        ),
        ("from", _digests(card.digests)),
        *metrics,
    ]


def _steps(steps: Iterable[AuditEntry]) -> list[tuple[str, str]]:
    return [line for entry in steps for line in _entry(entry)]


def _entry(entry: AuditEntry) -> list[tuple[str, str]]:
    lines = [(entry.step, f"{entry.decision}: {entry.reason}")]
    numbers = entry.details.get("metrics")
    if isinstance(numbers, Mapping) and numbers:
        lines.append(("", _numbers(numbers)))
    if entry.digests:
        lines.append(("", _digests(entry.digests)))
    return lines


def _numbers(numbers: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.6g}" if isinstance(value, int | float) else f"{name} {_value(value)}"
        for name, value in numbers.items()
    )


def _digests(digests: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {digest[:_DIGITS]}" for name, digest in digests.items())


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")
    return "missing" if value is None else str(value)


def _block(title: str, lines: list[tuple[str, str]]) -> str:
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join([title, *(f"  {name:{width}}  {text}" for name, text in lines), ""])
