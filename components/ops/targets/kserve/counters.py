"""What the servers of a version have counted, read from their ``/metrics`` (Prometheus text)."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from components.core.artifacts import LATENCY_BOUNDS_MS
from components.core.errors import ApiUnavailable
from components.ops.targets.kserve.asking import NoAnswer, ask
from components.ops.targets.kserve.pods import Pod
from components.ops.targets.traffic import Traffic

_BUCKET = "ratoon_request_seconds_bucket"
_REQUESTS = "ratoon_requests_total"


def parse_counters(text: str) -> Traffic:
    """Reads what one server has answered since it started.

    Raises:
        ValueError: It is not Prometheus' text format, or not of our server.
    """
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    buckets = sorted((float(s.labels["le"]), int(s.value)) for s in samples if s.name == _BUCKET)
    if not buckets:
        raise ValueError(f"no {_BUCKET} in it")
    return Traffic(
        requests=buckets[-1][1],
        errors=_count(samples, 500, 600),
        refused=_count(samples, 400, 500),
        latency=_latency(buckets),
    )


@dataclass
class Counters:
    """Readings of every server seen: one that ended, or began anew, keeps what it had counted."""

    # A server's life is a pod and the number of its container's restarts.
    _lives: dict[tuple[str, str, int], Traffic] = field(default_factory=dict)
    _restarts: dict[tuple[str, str], int] = field(default_factory=dict)

    def read(self, pods: Iterable[Pod], version: str) -> Traffic:
        """What a version has answered, over all its servers.

        Raises:
            ApiUnavailable: A server that gets requests does not tell its counts.
        """
        for pod in pods:
            if pod.version == version:
                self._read(pod)
        lives = [life for (of, _, _), life in self._lives.items() if of == version]
        # The request that a server ended by is in none of its counts.
        crashes = sum(n for (of, _), n in self._restarts.items() if of == version)
        return Traffic(
            requests=sum(one.requests for one in lives) + crashes,
            errors=sum(one.errors for one in lives) + crashes,
            refused=sum(one.refused for one in lives),
            latency=tuple(map(sum, zip(*(one.latency for one in lives), strict=True))),
        )

    def _read(self, pod: Pod) -> None:
        self._restarts[pod.version, pod.uid] = pod.restarts
        if pod.url is None:
            return
        try:
            _, body = ask(pod.url, "/metrics")
            found = parse_counters(body.decode())
        except (NoAnswer, ValueError) as error:
            if pod.is_ready:
                raise ApiUnavailable(f"pod {pod.name} does not tell its counts: {error}") from error
        else:
            self._lives[pod.version, pod.uid, pod.restarts] = found


def _count(samples: Iterable[Sample], low: int, high: int) -> int:
    return sum(
        int(s.value)
        for s in samples
        if s.name == _REQUESTS and low <= int(s.labels.get("status", "0")) < high
    )


def _latency(buckets: list[tuple[float, int]]) -> tuple[int, ...]:
    """Counts at the upper bound of each bucket, which is rather too slow than too fast."""
    counts, below = [0] * (len(LATENCY_BOUNDS_MS) + 1), 0
    for bound_s, total in buckets:
        # A little less, for seconds as text are not quite the milliseconds that they came from.
        place = bisect_left(LATENCY_BOUNDS_MS, bound_s * 1000 * (1 - 1e-6))
        counts[place] += total - below
        below = total
    return tuple(counts)
