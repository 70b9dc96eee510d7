"""What an InferenceService's status says (KServe v1beta1), and last words for an error message.

``status.observedGeneration`` is not compared: KServe copies there the generation of its Deployment
or Knative Service (inference_service_status.go, PropagateRawStatus and PropagateStatus), and not
that of the InferenceService. What was observed is told by the annotations that its pods carry.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.ops.cluster.protocol import Object
from components.ops.cluster.status import conditions
from components.ops.targets.kserve.pods import Pod

_EVENTS = 5


def address_of(service: Object | None) -> str | None:
    """The URL that clients use; None before there is one."""
    url = ((service or {}).get("status") or {}).get("url")
    return str(url).rstrip("/") if url else None


def revision_of(service: Object | None, which: str) -> str:
    """A Knative revision by its word in the status, such as ``latestReadyRevision``; or empty."""
    components = ((service or {}).get("status") or {}).get("components") or {}
    return str((components.get("predictor") or {}).get(which) or "")


def newest_revision(service: Object | None) -> str | None:
    """The newest revision if Knative can send traffic to it; None: it cannot yet."""
    created = revision_of(service, "latestCreatedRevision")
    return created if created and created == revision_of(service, "latestReadyRevision") else None


def is_rolled_out(service: Object | None) -> bool:
    """Whether KServe has seen all traffic at the newest revision: what a canary falls back on."""
    created = revision_of(service, "latestCreatedRevision")
    return bool(created) and created == revision_of(service, "latestRolledoutRevision")


def last_words(service: Object | None, pods: Iterable[Pod], events: Iterable[str]) -> str:
    """What is known of a service that did not become ready, a line each, the cause last."""
    lines = [
        *_conditions(service),
        *tuple(events)[-_EVENTS:],
        *(f"pod {pod.name}: {pod.trouble}" for pod in pods if pod.trouble),
        *_failure(service),
    ]
    return "".join(f"\n{line}" for line in lines)


def _conditions(service: Object | None) -> Iterator[str]:
    if service is None:
        yield "The InferenceService is not there."
        return
    for one in conditions(service):
        if one.status != "True" and one.type != "Stopped":
            yield one.sentence()


def _failure(service: Object | None) -> Iterator[str]:
    status: Mapping[str, Any] = (service or {}).get("status") or {}
    failed = (status.get("modelStatus") or {}).get("lastFailureInfo") or {}
    if failed:
        yield " ".join(str(failed[k]) for k in ("reason", "message") if failed.get(k))
