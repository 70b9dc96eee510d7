"""What KServe reports of an InferenceService, and how a candidate can get live traffic there.

The deployment mode is read from the status or the annotation, and ``spec.canary[]`` from the
published schema; neither is guessed from a version of KServe.

``status.observedGeneration`` is not compared: KServe copies there the generation of its Deployment
or Knative Service (inference_service_status.go, PropagateRawStatus and PropagateStatus). What was
observed is known from the annotations of the pods.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.core.errors import ApiUnavailable, InputError
from components.ops.cluster.openapi_schema import has_field
from components.ops.cluster.protocol import Object
from components.ops.cluster.status import conditions
from components.ops.targets.kserve.inference_service import DEPLOYMENT_MODE, metadata_of
from components.ops.targets.kserve.pods import Pod
from components.ops.targets.kserve.record import Mode, Strategy

# The older names are those of KServe until 0.15, which it still accepts.
_MODES = {
    "Knative": Mode.KNATIVE,
    "Serverless": Mode.KNATIVE,
    "Standard": Mode.STANDARD,
    "RawDeployment": Mode.STANDARD,
}
NO_CANARY_REASON = (
    "this cluster runs the model in KServe's Standard mode, and its InferenceService has no "
    "spec.canary[] (KServe has it from 0.20), so live traffic cannot be shared."
)
_MAX_EVENTS = 5


def address_of(service: Object | None) -> str | None:
    """Returns the URL that clients use; None before there is one."""
    url = ((service or {}).get("status") or {}).get("url")
    return str(url).rstrip("/") if url else None


def revision_of(service: Object | None, which: str) -> str:
    """Returns a Knative revision by its status field, such as ``latestReadyRevision``."""
    components = ((service or {}).get("status") or {}).get("components") or {}
    return str((components.get("predictor") or {}).get(which) or "")


def newest_revision(service: Object | None) -> str | None:
    """Returns the newest revision once Knative can send traffic to it; None before."""
    created = revision_of(service, "latestCreatedRevision")
    return created if created and created == revision_of(service, "latestReadyRevision") else None


def is_rolled_out(service: Object | None) -> bool:
    """Whether the newest revision is the one that a Knative canary falls back to."""
    created = revision_of(service, "latestCreatedRevision")
    return bool(created) and created == revision_of(service, "latestRolledoutRevision")


def failure_details(service: Object | None, pods: Iterable[Pod], events: Iterable[str]) -> str:
    """Describes why a service is not ready, one line each, the cause last."""
    lines = [
        *_conditions(service),
        *tuple(events)[-_MAX_EVENTS:],
        *(f"pod {pod.name}: {pod.trouble}" for pod in pods if pod.trouble),
        *_failure(service),
    ]
    return "".join(f"\n{line}" for line in lines)


def _conditions(service: Object | None) -> Iterator[str]:
    if service is None:
        yield "The InferenceService does not exist."
        return
    for one in conditions(service):
        if one.status != "True" and one.type != "Stopped":
            yield one.sentence()


def _failure(service: Object | None) -> Iterator[str]:
    status: Mapping[str, Any] = (service or {}).get("status") or {}
    failed = (status.get("modelStatus") or {}).get("lastFailureInfo") or {}
    if failed:
        yield " ".join(str(failed[k]) for k in ("reason", "message") if failed.get(k))


def mode_of(service: Object | None) -> Mode | None:
    """Returns the mode that an InferenceService runs in; None if not reported yet."""
    if service is None:
        return None
    status = service.get("status") or {}
    name = status.get("deploymentMode") or metadata_of(service, "annotations").get(DEPLOYMENT_MODE)
    if name in _MODES:
        return _MODES[name]
    predictor = (status.get("components") or {}).get("predictor") or {}
    return Mode.KNATIVE if predictor.get("latestCreatedRevision") else None


def check_mode(service: Object | None, named: Mode | None) -> Mode | None:
    """Returns the mode that the InferenceService runs in, or else the one that the target names.

    Raises:
        InputError: The target names another mode than the InferenceService runs in.
    """
    runs = mode_of(service)
    if runs and named and runs is not named:
        raise InputError(
            "serving.target",
            f"?mode={named.lower()}",
            f"the mode that the model runs in: {runs.lower()}",
            "KServe does not change it; leave ?mode out, or remove the InferenceService first.",
        )
    return runs or named


def strategy_of(mode: Mode | None, schema: Mapping[str, Any] | None, where: str) -> Strategy:
    """Chooses how a candidate is rolled out beside a champion.

    Args:
        mode: The deployment mode; None if unknown.
        schema: The published schema of InferenceService; None if it is not published.
        where: The InferenceService, for the error.

    Raises:
        ApiUnavailable: It is unknown, which is no reason to leave out a canary.
    """
    if mode is Mode.KNATIVE:
        return Strategy.KNATIVE
    if mode is None:
        raise ApiUnavailable(
            f"{where}: its status does not say how KServe deploys it, so it is not known how to "
            "share traffic. Does KServe's controller run? If so, name the mode in the target: "
            "?mode=knative or ?mode=standard."
        )
    if schema is None:
        raise ApiUnavailable(
            f"{where}: the cluster does not publish the schema of InferenceService, so it is not "
            "known how to share traffic. That takes some seconds after KServe was installed."
        )
    if has_field(schema, "spec", "canary"):
        return Strategy.CANARY
    return Strategy.BLUE_GREEN
