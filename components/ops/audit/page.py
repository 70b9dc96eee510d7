"""The provenance of predictions as text for a terminal, and as data for JSON."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from components.core.artifacts import ModelCard
from components.core.audit import AuditEntry
from components.core.spans import format_instant
from components.ops.audit.provenance import Provenance

_DIGITS = 12


def as_text(provenance: Provenance) -> str:
    """The provenance, a block for each link."""
    logged, card = provenance.logged, provenance.card
    answer = [
        ("answered", f"{_value(logged['logged_at'])} in {logged['latency_ms']:.2f} ms"),
        ("by", f"{logged['model']} {logged['version']}"),
        ("probability", f"{logged['probability']:.6g}, class {logged['predicted']}"),
    ]
    inputs = [(name, _value(value)) for name, value in provenance.inputs.items()]
    title = f"request {logged['request_id']}, row {logged['row']}"
    blocks = [_block(title, answer), _block("asked with", inputs)]
    if card is not None:
        blocks.append(_block(f"model {card.version}", _card(card)))
    if provenance.run is not None:
        steps = [line for entry in provenance.steps for line in _entry(entry)]
        blocks.append(_block(f"deployed by run {provenance.run}", steps))
    if provenance.monitored is not None:
        title = f"monitored by run {provenance.monitored.run}"
        blocks.append(_block(title, _entry(provenance.monitored)))
    if provenance.missing:
        blocks.append(_block("missing", [("", sentence) for sentence in provenance.missing]))
    return "\n".join(blocks)


def as_data(provenances: Iterable[Provenance]) -> list[dict[str, Any]]:
    """The provenances as a JSON list takes them."""
    return [
        {
            "prediction": {**_plain(one.logged), "inputs": _plain(one.inputs)},
            "model": one.card.model_dump(mode="json") if one.card else None,
            "run": one.run,
            "steps": [entry.model_dump(mode="json") for entry in one.steps],
            "monitored": one.monitored.model_dump(mode="json") if one.monitored else None,
            "missing": list(one.missing),
        }
        for one in provenances
    ]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(v) if isinstance(v, datetime) else v for name, v in row.items()}


def _card(card: ModelCard) -> list[tuple[str, str]]:
    metrics = ((f"on {split}", _numbers(numbers)) for split, numbers in card.metrics.items())
    made = f"{card.method} as of {format_instant(card.as_of)} on {card.rows:,} rows"
    return [("made", f"{made} by run {card.run}"), ("from", _digests(card.digests)), *metrics]


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
