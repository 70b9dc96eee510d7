"""How a candidate can meet live traffic on this cluster: read, never guessed from a version.

The deployment mode stands in the InferenceService's status, and else in its annotation; whether
there is ``spec.canary[]`` stands in the published schema.
"""

from collections.abc import Mapping
from typing import Any

from components.core.errors import ApiUnavailable, InputError
from components.ops.cluster.openapi_schema import has_field
from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.names import DEPLOYMENT_MODE, metadata
from components.ops.targets.kserve.record import Mode, Strategy

# KServe wrote the older words until 0.15, and still reads them.
_WORDS = {
    "Knative": Mode.KNATIVE,
    "Serverless": Mode.KNATIVE,
    "Standard": Mode.STANDARD,
    "RawDeployment": Mode.STANDARD,
}
OBSTACLE = (
    "this cluster runs the model in KServe's Standard mode, and its InferenceService has no "
    "spec.canary[] (KServe has it from 0.20), so live traffic cannot be shared."
)


def mode_of(service: Object | None) -> Mode | None:
    """The mode that an InferenceService runs in; None: nothing says it yet."""
    if service is None:
        return None
    status = service.get("status") or {}
    said = status.get("deploymentMode") or metadata(service, "annotations").get(DEPLOYMENT_MODE)
    if said in _WORDS:
        return _WORDS[said]
    predictor = (status.get("components") or {}).get("predictor") or {}
    return Mode.KNATIVE if predictor.get("latestCreatedRevision") else None


def check_mode(service: Object | None, named: Mode | None) -> Mode | None:
    """The mode, where the target may name one.

    Raises:
        InputError: The target names another than the InferenceService runs in.
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


def strategy_of(mode: Mode | None, fields: Mapping[str, Any] | None, where: str) -> Strategy:
    """How a candidate is rolled out beside a champion.

    Args:
        mode: The deployment mode; None: nothing says it.
        fields: The published schema of InferenceService; None: it is not published.
        where: The InferenceService, for the error.

    Raises:
        ApiUnavailable: It cannot be said, and what is not known is no reason to leave out a canary.
    """
    if mode is Mode.KNATIVE:
        return Strategy.KNATIVE
    if mode is None:
        raise ApiUnavailable(
            f"{where}: its status does not say how KServe deploys it, so it is not known how to "
            "share traffic. Does KServe's controller run? If so, name the mode in the target: "
            "?mode=knative or ?mode=standard."
        )
    if fields is None:
        raise ApiUnavailable(
            f"{where}: the cluster does not publish the schema of InferenceService, so it is not "
            "known how to share traffic. After KServe was installed that takes some seconds."
        )
    if has_field(fields, "spec", "canary"):
        return Strategy.CANARY
    return Strategy.WHOLE
