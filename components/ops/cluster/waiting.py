"""Waits until an object is as wanted, has failed for good, or the time is over."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from components.core.errors import ClusterError, DeadlineExceeded
from components.ops.cluster.conditions import as_sentences, is_observed
from components.ops.cluster.protocol import INFERENCE_SERVICE, Cluster, Kind, Object

LAST_EVENTS = 8


@dataclass(frozen=True)
class Judged:
    """What a look at an object told.

    Attributes:
        state: ``ready`` and ``failed`` end the waiting.
        why: A sentence for the reader.
    """

    state: Literal["ready", "failed", "waiting"]
    why: str


@dataclass(frozen=True)
class Waited:
    """How the waiting ended.

    Attributes:
        judged: Ready or failed.
        found: The object that was judged; None: there is none.
    """

    judged: Judged
    found: Object | None


Judge = Callable[[Object | None], Judged]


def wait(
    cluster: Cluster, kind: Kind, namespace: str, name: str, judge: Judge, timeout_s: float
) -> Waited:
    """Watches an object until `judge` says that it is ready or has failed.

    Args:
        cluster: Where it is.
        kind: Its kind.
        namespace: Where it is.
        name: Its name.
        judge: Looks at the object (None: there is none); called after every change.
        timeout_s: Longest wait, seconds, by a clock that nobody sets.

    Raises:
        DeadlineExceeded: Neither came; with the last conditions and events.
        ApiUnavailable: The API server did not answer.
    """
    began = time.monotonic()
    found: Object | None = None
    judged = Judged("waiting", "it was not looked at")
    for found in cluster.watch(kind, namespace, name, timeout_s):
        judged = judge(found)
        if judged.state != "waiting":
            return Waited(judged, found)
    lines = [
        f"{kind.kind} {namespace}/{name}: not as wanted after {time.monotonic() - began:.0f} s:"
        f" {judged.why}.",
        *_status(kind, found),
        *_events(cluster, namespace, name),
    ]
    raise DeadlineExceeded("\n".join(lines))


def _status(kind: Kind, found: Object | None) -> Iterator[str]:
    if found is None:
        yield "There is no such object."
        return
    # KServe copies this number from another object: there it says nothing.
    if kind != INFERENCE_SERVICE and not is_observed(found):
        yield "Its controller has not looked at the newest spec: is it running?"
    said = as_sentences(found)
    yield from (f"Condition: {one}." for one in said)
    if not said:
        yield "It has no conditions."


def _events(cluster: Cluster, namespace: str, name: str) -> Iterator[str]:
    try:
        said = cluster.events(namespace, name)[-LAST_EVENTS:]
    except ClusterError as error:
        yield f"Its events could not be read: {error}"
        return
    yield from (f"Event: {one}" for one in said)
    if not said:
        yield "There are no events about it."
