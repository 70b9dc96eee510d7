"""What the cluster last said about an object, in sentences."""

from collections.abc import Iterable, Mapping
from typing import Any


def as_sentences(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Events (core/v1) as ``reason: message``, oldest first, each with how often it was said."""
    return tuple(_sentence(one) for one in sorted(events, key=_when))


def _when(event: Mapping[str, Any]) -> tuple[str, str]:
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


def _sentence(event: Mapping[str, Any]) -> str:
    times = (event.get("series") or {}).get("count") or event.get("count") or 1
    often = f" ({times} times)" if times > 1 else ""
    return f"{event.get('reason', 'Unknown')}: {str(event.get('message', '')).strip()}{often}"
