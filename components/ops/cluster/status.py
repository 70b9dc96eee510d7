"""The conditions and events of an object, read (Kubernetes API conventions)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.ops.cluster.protocol import Object


@dataclass(frozen=True)
class Condition:
    """One condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""

    def sentence(self) -> str:
        """``Ready is False: RevisionFailed: the image cannot be pulled``."""
        why = ": ".join(word for word in (self.reason, self.message) if word)
        return f"{self.type} is {self.status}{f': {why}' if why else ''}"


def conditions(found: Object) -> tuple[Condition, ...]:
    """Every condition of an object, in its own order."""
    listed = (found.get("status") or {}).get("conditions") or []
    return tuple(_condition(one) for one in listed)


def event_sentences(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Events (core/v1) as ``reason: message``, oldest first, each with its count."""
    return tuple(_event_sentence(one) for one in sorted(events, key=_last_seen))


def _condition(found: Mapping[str, Any]) -> Condition:
    status = found.get("status")
    return Condition(
        type=str(found.get("type", "")),
        status="True" if status == "True" else "False" if status == "False" else "Unknown",
        reason=str(found.get("reason") or ""),
        message=str(found.get("message") or "").strip(),
    )


def _last_seen(event: Mapping[str, Any]) -> tuple[str, str]:
    series = event.get("series") or {}
    metadata = event.get("metadata") or {}
    seen = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or metadata.get("creationTimestamp")
        or ""
    )
    return str(seen).rstrip("Z"), str(metadata.get("name", ""))


def _event_sentence(event: Mapping[str, Any]) -> str:
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    times = f" ({count} times)" if count > 1 else ""
    return f"{event.get('reason', 'Unknown')}: {str(event.get('message', '')).strip()}{times}"
