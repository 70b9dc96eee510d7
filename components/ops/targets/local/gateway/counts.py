"""Counts: what every version was asked and how it answered, for rollouts and for Prometheus."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from components.core.artifacts import LATENCY_BOUNDS_MS, Record
from components.ops.targets.traffic import Traffic, bucket_of

_EXPORTED = range(11, len(LATENCY_BOUNDS_MS), 12)


class Reading(Record):
    """One reading of all counts.

    Attributes:
        versions: Version to what it answered.
        in_flight: Version to the requests that it is answering now.
    """

    versions: Mapping[str, Traffic]
    in_flight: Mapping[str, int]


@dataclass
class _Count:
    requests: int = 0
    errors: int = 0
    refused: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))


class Counts:
    """The counts of one gateway process, used from one thread."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    @contextmanager
    def in_flight(self, version: str) -> Iterator[None]:
        """Counts a request as being answered for as long as the context lasts."""
        count = self._counts.setdefault(version, _Count())
        count.in_flight += 1
        try:
            yield
        finally:
            count.in_flight -= 1

    def add(self, version: str, status: int | None, seconds: float) -> None:
        """Counts a prediction that ended.

        Args:
            version: Who was asked.
            status: Of the answer; None where there was none.
            seconds: From asking to the end of the answer.
        """
        count = self._counts.setdefault(version, _Count())
        count.requests += 1
        count.seconds += seconds
        count.latency[bucket_of(seconds * 1000)] += 1
        if status is None or status >= 500:
            count.errors += 1
        elif status >= 400:
            count.refused += 1

    def read(self) -> Reading:
        """All counts as they are now."""
        return Reading(
            versions={v: _traffic(c) for v, c in self._counts.items()},
            in_flight={v: c.in_flight for v, c in self._counts.items()},
        )

    def metrics(self) -> str:
        """All counts in Prometheus' text format."""
        lines = []
        for name in ("requests", "errors", "refused"):
            lines.append(f"# TYPE ratoon_gateway_{name}_total counter")
            lines += [
                f'ratoon_gateway_{name}_total{{version="{version}"}} {getattr(count, name)}'
                for version, count in self._counts.items()
            ]
        lines.append("# TYPE ratoon_gateway_latency_seconds histogram")
        for version, count in self._counts.items():
            lines += _histogram(version, count)
        return "\n".join(lines) + "\n"


def _traffic(count: _Count) -> Traffic:
    return Traffic(
        requests=count.requests,
        errors=count.errors,
        refused=count.refused,
        latency=tuple(count.latency),
    )


def _histogram(version: str, count: _Count) -> list[str]:
    name = "ratoon_gateway_latency_seconds"
    bounds = [
        (f"{LATENCY_BOUNDS_MS[i] / 1000:.6g}", sum(count.latency[: i + 1])) for i in _EXPORTED
    ]
    lines = [
        f'{name}_bucket{{version="{version}",le="{bound}"}} {below}'
        for bound, below in [*bounds, ("+Inf", count.requests)]
    ]
    lines.append(f'{name}_sum{{version="{version}"}} {count.seconds:.6f}')
    lines.append(f'{name}_count{{version="{version}"}} {count.requests}')
    return lines
