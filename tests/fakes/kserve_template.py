"""The pod that KServe makes of an InferenceService and its runtime, as far as a model meets it."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.ops.cluster.protocol import Object

_RUNTIME = Path(__file__).parents[2] / "manifests" / "serving" / "runtime.yaml"
_MINIMAL: Mapping[str, Any] = {
    "annotations": {},
    "containers": [{"args": ["--model-dir", "/mnt/models", "--host", "0.0.0.0", "--port", "8080"]}],
}
READY_PATH = "/v2/health/ready"
ROUTING_TAG = "serving.kserve.io/enable-tag-routing"
# Of the predictor, what changes no pod: a Deployment's replicas, and the share of a canary.
_OF_NO_POD = ("canaryTrafficPercent", "name", "minReplicas", "maxReplicas")


@dataclass(frozen=True)
class Template:
    """A pod template; another template is other pods.

    Attributes:
        service: The InferenceService's name.
        uri: ``storageUri``, which the storage initializer copies to /mnt/models.
        args: Of the runtime's container, then of the model.
        ready_path: Path of the readiness probe.
        annotations: Of the pod.
        labels: Of the pod.
        rest: Whatever else the predictor says, as JSON.
    """

    service: str
    uri: str
    args: tuple[str, ...]
    ready_path: str
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    rest: str


def read_runtime(file: Path = _RUNTIME) -> Mapping[str, Any]:
    """The spec of our ServingRuntime; a minimal one where there is no manifest."""
    if not file.exists():
        return _MINIMAL
    spec: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
    return spec


def template_of(
    service: Object, predictor: Mapping[str, Any], runtime: Mapping[str, Any], by_revision: bool
) -> Template:
    """The template of one predictor of a service.

    Labels and annotations of the predictor go before the service's, and these before the
    runtime's; the model's arguments come after the runtime's (KServe: buildObjectMeta,
    MergeRuntimeContainers).

    Args:
        service: The InferenceService.
        predictor: Its predictor, or a canary's laid over it.
        runtime: The ServingRuntime's spec.
        by_revision: Knative keeps the number of replicas in the template.
    """
    metadata, model = service["metadata"], predictor["model"]
    container = runtime["containers"][0]
    kept = {n: part for n, part in predictor.items() if by_revision or n not in _OF_NO_POD}
    kept.pop("canaryTrafficPercent", None)
    probe = (container.get("readinessProbe") or {}).get("httpGet") or {}
    return Template(
        service=metadata["name"],
        uri=model["storageUri"],
        args=(*container.get("args", ()), *model.get("args", ())),
        ready_path=probe.get("path", READY_PATH),
        annotations=_union(runtime, metadata, predictor, "annotations"),
        labels=_union(runtime, metadata, predictor, "labels"),
        rest=json.dumps(kept, sort_keys=True),
    )


def canary_predictor(service: Object, canary: Mapping[str, Any]) -> dict[str, Any]:
    """A canary's predictor: what it says, laid over the stable one (KServe 0.20)."""
    return _laid_over(copy.deepcopy(dict(service["spec"]["predictor"])), canary["predictor"])


def _union(
    runtime: Mapping[str, Any], metadata: Mapping[str, Any], predictor: Mapping[str, Any], of: str
) -> dict[str, str]:
    return {
        **(runtime.get(of) or {}),
        **(metadata.get(of) or {}),
        **(predictor.get(of) or {}),
    }


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for name, part in above.items():
        under = below.get(name)
        both = isinstance(part, Mapping) and isinstance(under, dict)
        below[name] = _laid_over(under, part) if both else copy.deepcopy(part)
    return below
