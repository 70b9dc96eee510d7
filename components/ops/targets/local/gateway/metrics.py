"""What every version was asked and how it answered, for rollouts and for Prometheus."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from components.core.artifacts import LATENCY_BOUNDS_MS, Record
from components.ops.targets.protocol import Traffic, bucket_of

# Prometheus gets every twelfth bucket; rollouts read all of them.
_EXPORTED = range(11, len(LATENCY_BOUNDS_MS), 12)


class GatewayCounts(Record):
    """One reading of all counts."""

    versions: Mapping[str, Traffic]
    in_flight: Mapping[str, int]


@dataclass
class _Counts:
    requests: int = 0
    errors: int = 0
    refused: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))


class GatewayMetrics(Collector):
    """The metrics of one gateway process, used from one thread."""

    def __init__(self) -> None:
        self._counts: dict[str, _Counts] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    @contextmanager
    def in_flight(self, version: str) -> Iterator[None]:
        """Counts a request as being answered for as long as the context lasts."""
        counts = self._counts.setdefault(version, _Counts())
        counts.in_flight += 1
        try:
            yield
        finally:
            counts.in_flight -= 1

    def add(self, version: str, status: int | None, seconds: float) -> None:
        """Counts a prediction that ended after so many seconds; no status if it has no answer."""
        counts = self._counts.setdefault(version, _Counts())
        counts.requests += 1
        counts.seconds += seconds
        counts.latency[bucket_of(seconds * 1000)] += 1
        if status is None or status >= 500:
            counts.errors += 1
        elif status >= 400:
            counts.refused += 1

    def read(self) -> GatewayCounts:
        """Returns all counts as they are now."""
        return GatewayCounts(
            versions={v: _traffic(c) for v, c in self._counts.items()},
            in_flight={v: c.in_flight for v, c in self._counts.items()},
        )

    def text(self) -> bytes:
        """Returns all counts in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Returns all counts as Prometheus metrics."""
        for name, text in (
            ("requests", "Predictions asked of a version."),
            ("errors", "Predictions that it failed: no answer, or a status of 500 and up."),
            ("refused", "Predictions that it refused with a status of 400 to 499."),
        ):
            counter = CounterMetricFamily(f"ratoon_gateway_{name}", text, labels=["version"])
            for version, counts in self._counts.items():
                counter.add_metric([version], getattr(counts, name))
            yield counter
        text = "Time from the request to the end of the response."
        histogram = HistogramMetricFamily(
            "ratoon_gateway_latency_seconds", text, labels=["version"]
        )
        for version, counts in self._counts.items():
            histogram.add_metric([version], _buckets(counts), counts.seconds)
        yield histogram


def _traffic(counts: _Counts) -> Traffic:
    return Traffic(
        requests=counts.requests,
        errors=counts.errors,
        refused=counts.refused,
        latency=tuple(counts.latency),
    )


def _buckets(counts: _Counts) -> list[tuple[str, float]]:
    """Cumulative counts at the exported bounds in seconds."""
    bounds = [(f"{LATENCY_BOUNDS_MS[i] / 1000:.6g}", i + 1) for i in _EXPORTED]
    return [*((le, sum(counts.latency[:end])) for le, end in bounds), ("+Inf", counts.requests)]
