"""The status that KServe's controller writes to an InferenceService.

``observedGeneration`` is, as in KServe 0.16 to 0.20, not the InferenceService's own generation but
that of the Knative service or of the stable Deployment behind it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.kserve_knative import KnativeService, Target
from tests.fakes.kserve_objects import now
from tests.fakes.kserve_pod import ModelPod
from tests.fakes.kserve_standard import StandardService

Service = KnativeService | StandardService
Condition = dict[str, Any]
TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
PROGRESS_DEADLINE_S = 600.0


def status_of(
    service: Service, url: str | None, before: Mapping[str, Any], deadline_s: float
) -> dict[str, Any]:
    """The whole status.

    Args:
        service: What stands behind the InferenceService.
        url: Its address; None: not yet.
        before: The status that stands, for the instants of its conditions.
        deadline_s: How long a Deployment may make no progress.
    """
    if isinstance(service, KnativeService):
        found, predictor = _knative_conditions(service), _knative_predictor(service)
    else:
        found, predictor = _standard_conditions(service, deadline_s), {}
    routed = bool(url) and service.split().stable is not None
    found.append(_condition("IngressReady", TRUE if routed else UNKNOWN))
    ready = _together(
        "Ready", (c for c in found if c["type"] in ("PredictorReady", "IngressReady"))
    )
    url = url if routed else before.get("url")
    address = {"url": url, "address": {"url": url}} if url else {}
    status = {
        "observedGeneration": service.generation,
        "deploymentMode": service.mode,
        "servingRuntimeName": "ratoon",
        "conditions": _dated([*found, ready], before.get("conditions", ())),
        "components": {"predictor": {**predictor, **address}},
        "modelStatus": _model_status(service.newest, ready["status"] == TRUE),
        **address,
    }
    if isinstance(service, StandardService) and service.canaries:
        status["canaryStatuses"] = _canary_statuses(service)
    return status


def _knative_conditions(service: KnativeService) -> list[Condition]:
    newest, names = service.newest, service.names
    configured = _condition("PredictorConfigurationReady", UNKNOWN, "Deploying")
    if newest and newest.state.failed:
        message = (
            f'Revision "{names.created}" failed with message: '
            f"Container failed with: {newest.state.words}"
        )
        configured = _condition("PredictorConfigurationReady", FALSE, "RevisionFailed", message)
    elif names.ready and names.ready == names.created:
        configured = _condition("PredictorConfigurationReady", TRUE)
    routed = _condition("PredictorRouteReady", TRUE if names.ready else UNKNOWN)
    return [
        configured,
        routed,
        {**configured, "type": "LatestDeploymentReady"},
        {**routed, "type": "RoutesReady"},
        _together("PredictorReady", (configured, routed)),
    ]


def _knative_predictor(service: KnativeService) -> dict[str, Any]:
    names = service.names
    said = {
        "latestCreatedRevision": names.created,
        "latestReadyRevision": names.ready,
        "latestRolledoutRevision": names.rolled_out,
        "previousRolledoutRevision": names.previous,
    }
    traffic = [_traffic(service, target) for target in service.targets] if names.ready else []
    return {**{n: v for n, v in said.items() if v}, **({"traffic": traffic} if traffic else {})}


def _traffic(service: KnativeService, target: Target) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "latestRevision": target.revision is None,
        "percent": target.percent,
        "revisionName": target.revision or service.names.ready,
    }
    pod = service.pod_of(target)
    if target.tag and pod and pod.state.server:
        shown |= {"tag": target.tag, "url": f"http://127.0.0.1:{pod.state.server.port}"}
    return shown


def _standard_conditions(service: StandardService, deadline_s: float) -> list[Condition]:
    found = [_deployment_condition(service, deadline_s)]
    if service.canaries:
        ready = all(canary.deployment.serving for canary in service.canaries)
        reason = "AllCanariesReady" if ready else "CanariesNotReady"
        found.append(_condition("CanaryPredictorReady", TRUE if ready else FALSE, reason))
    return found


def _deployment_condition(service: StandardService, deadline_s: float) -> Condition:
    """What PropagateRawStatus makes of a Deployment's conditions Available and Progressing."""
    stable = service.stable
    if stable is None or stable.serving is None:
        message = "Deployment does not have minimum availability."
        if stable and stable.newest and stable.newest.state.words:
            message += f" {stable.newest.state.words}"
        return _condition("PredictorReady", FALSE, "MinimumReplicasUnavailable", message)
    if not stable.rolls:
        return _condition("PredictorReady", TRUE)
    if stable.waits_s > deadline_s:
        message = f'ReplicaSet of "{stable.name}" has timed out progressing.'
        return _condition("PredictorReady", FALSE, "ProgressDeadlineExceeded", message)
    # Before 0.20 a rolling update made the condition unknown; since then the old pods count.
    status = TRUE if service.with_canary else UNKNOWN
    return _condition("PredictorReady", status, "ReplicaSetUpdated", "ReplicaSet is progressing.")


def _canary_statuses(service: StandardService) -> list[dict[str, Any]]:
    return [
        {
            "name": canary.name,
            "ready": canary.deployment.serving is not None,
            "trafficPercent": canary.percent,
            "modelStatus": {"transitionStatus": "UpToDate"},
        }
        for canary in service.canaries
    ]


def _model_status(newest: ModelPod | None, is_ready: bool) -> dict[str, Any]:
    if is_ready:
        return {
            "transitionStatus": "UpToDate",
            "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
            "copies": {"failedCopies": 0, "totalCopies": 1},
        }
    if newest is None or not newest.state.failed:
        return {"transitionStatus": "InProgress", "states": _states("Pending")}
    return {
        "transitionStatus": "BlockedByFailedLoad",
        "states": _states("FailedToLoad"),
        "lastFailureInfo": {
            "reason": "ModelLoadFailed",
            "exitCode": 1,
            "message": newest.state.words,
        },
    }


def _states(target: str) -> dict[str, str]:
    return {"activeModelState": "", "targetModelState": target}


def _together(type_: str, parts: Iterable[Condition]) -> Condition:
    """False where a part is, with its reason; then Unknown; then True."""
    parts = tuple(parts)
    for status in (FALSE, UNKNOWN):
        for part in parts:
            if part["status"] == status:
                return {**part, "type": type_}
    return _condition(type_, TRUE)


def _condition(type_: str, status: str, reason: str = "", message: str = "") -> Condition:
    said = {"reason": reason, "message": message}
    return {"type": type_, "status": status, **{n: text for n, text in said.items() if text}}


def _dated(found: list[Condition], before: Iterable[Mapping[str, Any]]) -> list[Condition]:
    """With the instant of the last change of each status."""
    known = {one["type"]: one for one in before}
    dated = []
    for one in found:
        old = known.get(one["type"], {})
        same = old.get("status") == one["status"] and "lastTransitionTime" in old
        dated.append({**one, "lastTransitionTime": old["lastTransitionTime"] if same else now()})
    return sorted(dated, key=lambda one: str(one["type"]))
