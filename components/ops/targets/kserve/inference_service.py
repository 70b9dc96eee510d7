"""The InferenceServices that follow from a record (KServe v1beta1), their names and annotations."""

import math
from collections.abc import Mapping
from typing import Any

from components.core.spans import format_instant
from components.ops.cluster.protocol import INFERENCE_SERVICE, Object
from components.ops.targets.kserve.record import PublishedVersion, RolloutRecord, Strategy

RUNTIME = "ratoon"
VERSION, DIGEST = "ratoon.dev/version", "ratoon.dev/digest"
RUN, AS_OF = "ratoon.dev/run", "ratoon.dev/as-of"
WHY = "ratoon.dev/why"
# The container of a predictor that serves the model.
CONTAINER = "kserve-container"
# Set by KServe on the pods of an InferenceService, and by Knative on those of a revision.
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
REVISION_LABEL = "serving.knative.dev/revision"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"


def record_name(model: str) -> str:
    """Names the ConfigMap that holds a model's record."""
    return f"{model}-ratoon"


def candidate_name(model: str) -> str:
    """Names the InferenceService of a candidate that cannot share the champion's."""
    return f"{model}-candidate"


def labels_of(model: str) -> dict[str, str]:
    """Returns the labels of all our objects of a model."""
    return {"app.kubernetes.io/managed-by": "ratoon", "app.kubernetes.io/name": model}


def annotations_of(published: PublishedVersion) -> dict[str, str]:
    """Returns the annotations of a version, which KServe copies to its pods."""
    return {
        VERSION: published.version,
        DIGEST: published.digest,
        RUN: published.run,
        AS_OF: format_instant(published.as_of),
    }


def metadata_of(found: Object, field: str) -> Mapping[str, Any]:
    """Returns labels or annotations of an object; empty if there are none."""
    return (found.get("metadata") or {}).get(field) or {}


def is_ours(found: Object, model: str) -> bool:
    """Whether Ratoon created an object for this model."""
    return labels_of(model).items() <= dict(metadata_of(found, "labels")).items()


def names_version(found: Object, published: PublishedVersion) -> bool:
    """Whether an InferenceService or a pod is of a version, by its annotations."""
    named = metadata_of(found, "annotations")
    return named.get(VERSION) == published.version and named.get(DIGEST) == published.digest


def desired_services(record: RolloutRecord, namespace: str) -> tuple[Object, ...]:
    """Returns the InferenceServices that should exist: the model's, and perhaps a candidate's."""
    champion, candidate = record.champion, record.candidate
    if candidate is None or champion is None:
        only = champion or candidate
        return () if only is None else (_stable(record, namespace, only),)
    if record.strategy is Strategy.KNATIVE:
        return (_knative_canary(record, namespace, candidate),)
    if record.strategy is Strategy.CANARY and candidate.slot != champion.slot:
        return (_standard_canary(record, namespace, champion, candidate),)
    # Blue-green: the candidate has its own service until the model's service has switched to it.
    serves = candidate if record.scaled_up else champion
    stable = _service(record, namespace, record.model, serves, _predictor(record.model, serves))
    name, predictor = candidate_name(record.model), _predictor(record.model, candidate)
    return stable, _service(record, namespace, name, candidate, predictor)


def percent_of(share: float) -> int:
    """Rounds a share of the traffic to percent; only 0 becomes 0, and only 1 becomes 100."""
    if share in (0, 1):
        return int(share * 100)
    return min(99, max(1, round(share * 100)))


def _stable(record: RolloutRecord, namespace: str, serves: PublishedVersion) -> Object:
    """Gives a version the whole service, with the predictor name that its pods already have."""
    predictor = _predictor(record.model, serves)
    if record.pinned and record.champion:
        predictor = {**predictor, "canaryTrafficPercent": 0}
    elif serves.slot and record.champion:
        predictor = _named(predictor, serves)
    return _service(record, namespace, record.model, serves, predictor)


def _knative_canary(record: RolloutRecord, namespace: str, candidate: PublishedVersion) -> Object:
    """Gives the newest revision its share; the last rolled-out one keeps the rest."""
    # At 100 KServe would consider the candidate rolled out, with no way back to the champion.
    percent = min(99, percent_of(record.share))
    predictor = {**_predictor(record.model, candidate), "canaryTrafficPercent": percent}
    return _service(record, namespace, record.model, candidate, predictor)


def _standard_canary(
    record: RolloutRecord, namespace: str, champion: PublishedVersion, candidate: PublishedVersion
) -> Object:
    """Lists the candidate in ``spec.canary[]``, beside the champion."""
    stable = _predictor(record.model, champion)
    stable["minReplicas"] = replicas = max(1, champion.serving.min_replicas)
    if champion.slot:
        stable = _named(stable, champion)
    needed = replicas if record.scaled_up else math.ceil(replicas * record.share)
    predictor = _named(_predictor(record.model, candidate), candidate)
    # At least one, to be tried before any traffic; KServe refuses more than the champion has.
    predictor["minReplicas"] = min(replicas, max(1, needed))
    service = _service(record, namespace, record.model, champion, stable)
    canary = {"trafficPercent": percent_of(record.share), "predictor": predictor}
    return {**service, "spec": {**service["spec"], "canary": [canary]}}


def _named(predictor: dict[str, Any], published: PublishedVersion) -> dict[str, Any]:
    """Gives a predictor its own name and annotations, as one of two and after its promotion."""
    # The schema of spec.canary[] wants the container's name, that of spec.predictor does not.
    model = {"name": CONTAINER, **predictor["model"]}
    annotations = annotations_of(published)
    return {**predictor, "name": published.slot, "annotations": annotations, "model": model}


def _predictor(model: str, published: PublishedVersion) -> dict[str, Any]:
    serving = published.serving
    resources = {"cpu": serving.resources.cpu, "memory": serving.resources.memory}
    return {
        "serviceAccountName": serving.account,
        "minReplicas": serving.min_replicas,
        "model": {
            "modelFormat": {"name": RUNTIME},
            "runtime": RUNTIME,
            "protocolVersion": "v2",
            "storageUri": published.uri,
            "args": ["--name", model, "--log", serving.log],
            "resources": {"requests": resources, "limits": dict(resources)},
        },
    }


def _service(
    record: RolloutRecord,
    namespace: str,
    name: str,
    published: PublishedVersion,
    predictor: dict[str, Any],
) -> Object:
    # Meaningless in Standard mode, but always set: pods must not restart once the mode is known.
    annotations = {**annotations_of(published), TAG_ROUTING: "true"}
    if record.mode:
        annotations[DEPLOYMENT_MODE] = record.mode.value
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": labels_of(record.model),
        "annotations": annotations,
    }
    return INFERENCE_SERVICE.typed({"metadata": metadata, "spec": {"predictor": predictor}})
