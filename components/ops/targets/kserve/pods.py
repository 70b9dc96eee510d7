"""The pods of a version as the API server describes them (core/v1 Pod), and their metrics."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from components.core.artifacts import LATENCY_BOUNDS_MS
from components.core.errors import ApiUnavailable
from components.ops.cluster.protocol import Object, conditions
from components.ops.targets.kserve.inference_service import (
    CONTAINER,
    REVISION_LABEL,
    VERSION,
    metadata_of,
)
from components.ops.targets.protocol import Traffic

_PORT = 8080
_TIMEOUT_S = 5.0
_BUCKET = "ratoon_request_seconds_bucket"
_REQUESTS = "ratoon_requests_total"


@dataclass(frozen=True)
class Pod:
    """A pod of a model server.

    Attributes:
        uid: Distinguishes it from a later one of the same name.
        version: The version that it serves.
        revision: Its Knative revision; empty in Standard mode.
        url: Where its server answers; None before it has an address.
        is_ready: Whether it gets requests.
        restarts: How often its server's container was restarted.
        problem: What keeps it from being ready; empty if unknown.
        raw: The pod as the API server returned it.
    """

    name: str
    uid: str
    version: str
    revision: str
    url: str | None
    is_ready: bool
    restarts: int
    problem: str
    raw: Object


def read_pods(found: Iterable[Object]) -> tuple[Pod, ...]:
    """Reads the pods of model servers; others are left out."""
    return tuple(_read(one) for one in found if VERSION in metadata_of(one, "annotations"))


def _read(found: Object) -> Pod:
    meta, status = found["metadata"], found.get("status") or {}
    servers = [s for s in status.get("containerStatuses") or () if s.get("name") == CONTAINER]
    is_ready = any(c.type == "Ready" and c.status == "True" for c in conditions(found))
    return Pod(
        name=meta["name"],
        uid=str(meta.get("uid", meta["name"])),
        version=metadata_of(found, "annotations")[VERSION],
        revision=metadata_of(found, "labels").get(REVISION_LABEL, ""),
        url=_url_of(found),
        is_ready=is_ready and not meta.get("deletionTimestamp"),
        restarts=sum(server.get("restartCount", 0) for server in servers),
        problem="; ".join(_problems(status)),
        raw=found,
    )


def _url_of(found: Object) -> str | None:
    address = (found.get("status") or {}).get("podIP")
    if not address:
        return None
    containers = (found.get("spec") or {}).get("containers") or ()
    ports = [p for c in containers if c.get("name") == CONTAINER for p in c.get("ports") or ()]
    port = ports[0]["containerPort"] if ports else _PORT
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _problems(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"{condition.get('reason', '')} {condition.get('message', '')}".strip()
    lists = ("initContainerStatuses", "containerStatuses")
    for one in [container for name in lists for container in status.get(name) or ()]:
        state, last = one.get("state") or {}, one.get("lastState") or {}
        waiting, ended = state.get("waiting"), state.get("terminated") or last.get("terminated")
        if waiting and waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            yield _describe(one, waiting)
        if ended and ended.get("exitCode", 0) != 0:
            yield _describe(one, ended)


def _describe(container: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    code = f" (exit code {state['exitCode']})" if state.get("exitCode") else ""
    message = f": {state['message'].strip()}" if state.get("message") else ""
    return f"{container.get('name')} {state.get('reason', 'ended')}{code}{message}"


class PodUnreachable(Exception):
    """The pod did not answer, or not in time."""


def pod_http_get(url: str, path: str) -> tuple[int, bytes]:
    """Returns status and body of a pod's own answer, without a proxy; or raises PodUnreachable."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # made of the pod's address
    connection = HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException) as error:
        raise PodUnreachable(f"{url}{path}: {error!r}") from error
    finally:
        connection.close()


def parse_metrics(text: str) -> Traffic:
    """Parses what one server has answered since it started.

    Raises:
        ValueError: It is not Prometheus' text format, or not from our server.
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
class TrafficCounters:
    """Sums up every server seen, including those that ended or were restarted."""

    # Keyed by version, pod and restarts of its container.
    _readings: dict[tuple[str, str, int], Traffic] = field(default_factory=dict)
    _restarts: dict[tuple[str, str], int] = field(default_factory=dict)

    def read(self, pods: Iterable[Pod], version: str) -> Traffic:
        """Returns what a version has answered, over all its servers.

        Raises:
            ApiUnavailable: A server that gets requests did not report its metrics.
        """
        for pod in pods:
            if pod.version == version:
                self._read(pod)
        readings = [r for (of, _, _), r in self._readings.items() if of == version]
        # The request that crashed a server is in none of its counts.
        crashes = sum(n for (of, _), n in self._restarts.items() if of == version)
        return Traffic(
            requests=sum(one.requests for one in readings) + crashes,
            errors=sum(one.errors for one in readings) + crashes,
            refused=sum(one.refused for one in readings),
            latency=tuple(map(sum, zip(*(one.latency for one in readings), strict=True))),
        )

    def _read(self, pod: Pod) -> None:
        self._restarts[pod.version, pod.uid] = pod.restarts
        if pod.url is None:
            return
        try:
            _, body = pod_http_get(pod.url, "/metrics")
            found = parse_metrics(body.decode())
        except (PodUnreachable, ValueError) as error:
            if pod.is_ready:
                raise ApiUnavailable(f"pod {pod.name} reports no metrics: {error}") from error
        else:
            self._readings[pod.version, pod.uid, pod.restarts] = found


def _count(samples: Iterable[Sample], low: int, high: int) -> int:
    counters = (s for s in samples if s.name == _REQUESTS)
    return sum(int(s.value) for s in counters if low <= int(s.labels.get("status", "0")) < high)


def _latency(buckets: list[tuple[float, int]]) -> tuple[int, ...]:
    """Counts each request at the upper bound of its bucket: never too fast."""
    counts, below = [0] * (len(LATENCY_BOUNDS_MS) + 1), 0
    for bound_s, total in buckets:
        # Slightly less: seconds printed as text are not exactly the original milliseconds.
        place = bisect_left(LATENCY_BOUNDS_MS, bound_s * 1000 * (1 - 1e-6))
        counts[place] += total - below
        below = total
    return tuple(counts)
