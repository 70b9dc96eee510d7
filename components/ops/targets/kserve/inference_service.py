"""The names, labels and annotations by which our objects and their pods are found again."""

import math
from collections.abc import Mapping
from typing import Any

from components.core.spans import format_instant
from components.ops.cluster.protocol import INFERENCE_SERVICE, Object
from components.ops.targets.kserve.record import PublishedVersion, RolloutRecord, Strategy

MANAGED_BY = "app.kubernetes.io/managed-by"
OF_MODEL = "app.kubernetes.io/name"
OWNER = "ratoon"
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
    """The ConfigMap with the record of a model."""
    return f"{model}-ratoon"


def candidate_name(model: str) -> str:
    """The InferenceService that a candidate is tried in where it cannot share another's."""
    return f"{model}-candidate"


def labels_of(model: str) -> dict[str, str]:
    """The labels of all our objects of a model."""
    return {MANAGED_BY: OWNER, OF_MODEL: model}


def annotations_of(published: PublishedVersion) -> dict[str, str]:
    """What its pods say of a version; KServe copies an InferenceService's annotations to them."""
    return {
        VERSION: published.version,
        DIGEST: published.digest,
        RUN: published.run,
        AS_OF: format_instant(published.as_of),
    }


def metadata_of(found: Object, field: str) -> Mapping[str, Any]:
    """A mapping of an object's metadata; empty where there is none."""
    return (found.get("metadata") or {}).get(field) or {}


def is_ours(found: Object, model: str) -> bool:
    """Whether we made an object, for this model."""
    return labels_of(model).items() <= dict(metadata_of(found, "labels")).items()


def names_version(found: Object, published: PublishedVersion) -> bool:
    """Whether an InferenceService or a pod is of a version, by its annotations."""
    said = metadata_of(found, "annotations")
    return (said.get(VERSION), said.get(DIGEST)) == (published.version, published.digest)


# ---- inference_service: The InferenceServices that follow from a record (KServe v1beta1).

RUNTIME = "ratoon"


def desired_services(record: RolloutRecord, namespace: str) -> tuple[Object, ...]:
    """The InferenceServices that there are to be: none, the model's, or also a candidate's.

    Args:
        record: The record.
        namespace: Where they are.
    """
    champion, candidate = record.champion, record.candidate
    if candidate is None or champion is None:
        only = champion or candidate
        return () if only is None else (_stable(record, namespace, only),)
    if record.strategy is Strategy.KNATIVE:
        return (_knative_canary(record, namespace, candidate),)
    if record.strategy is Strategy.CANARY and candidate.slot != champion.slot:
        return (_listed_canary(record, namespace, champion, candidate),)
    # Without shared traffic the service gets the candidate whole, while it still has its own.
    serves = candidate if record.scaled_up else champion
    main = _service(record, namespace, record.model, serves, _predictor(record.model, serves))
    name = candidate_name(record.model)
    tried = _service(record, namespace, name, candidate, _predictor(record.model, candidate))
    return main, tried


def percent_of(share: float) -> int:
    """A share of the traffic in whole percent; some is never none, and a part never the whole."""
    if share in (0, 1):
        return int(share * 100)
    return min(99, max(1, round(share * 100)))


def _stable(record: RolloutRecord, namespace: str, serves: PublishedVersion) -> Object:
    predictor = _predictor(record.model, serves)
    if record.pinned and record.champion:
        predictor = {**predictor, "canaryTrafficPercent": 0}
    elif serves.slot and record.champion:
        predictor = _named(predictor, serves)
    return _service(record, namespace, record.model, serves, predictor)


def _knative_canary(record: RolloutRecord, namespace: str, candidate: PublishedVersion) -> Object:
    """The newest revision gets the share, the one that was rolled out last keeps the rest."""
    # At 100 KServe would take the candidate for rolled out, and could not go back to the champion.
    percent = min(99, percent_of(record.share))
    predictor = {**_predictor(record.model, candidate), "canaryTrafficPercent": percent}
    return _service(record, namespace, record.model, candidate, predictor)


def _listed_canary(
    record: RolloutRecord, namespace: str, champion: PublishedVersion, candidate: PublishedVersion
) -> Object:
    stable = _predictor(record.model, champion)
    stable["minReplicas"] = most = max(1, champion.serving.min_replicas)
    fewest = most if record.scaled_up else math.ceil(most * record.share)
    predictor = _named(_predictor(record.model, candidate), candidate)
    # At least one, to be tried before any traffic; KServe refuses more than the champion has.
    predictor["minReplicas"] = min(most, max(1, fewest))
    service = _service(
        record,
        namespace,
        record.model,
        champion,
        _named(stable, champion) if champion.slot else stable,
    )
    canary = {"trafficPercent": percent_of(record.share), "predictor": predictor}
    return {**service, "spec": {**service["spec"], "canary": [canary]}}


def _named(predictor: dict[str, Any], published: PublishedVersion) -> dict[str, Any]:
    """A predictor that says itself what it is: beside another one, and after its promotion."""
    # The schema of spec.canary[] wants the container's name, that of spec.predictor does not.
    model = {"name": CONTAINER, **predictor["model"]}
    said = annotations_of(published)
    return {**predictor, "name": published.slot, "annotations": said, "model": model}


def _predictor(model: str, published: PublishedVersion) -> dict[str, Any]:
    serving = published.serving
    amounts = {"cpu": serving.resources.cpu, "memory": serving.resources.memory}
    return {
        "serviceAccountName": serving.account,
        "minReplicas": serving.min_replicas,
        "model": {
            "modelFormat": {"name": RUNTIME},
            "runtime": RUNTIME,
            "protocolVersion": "v2",
            "storageUri": published.uri,
            "args": ["--name", model, "--log", serving.log],
            "resources": {"requests": amounts, "limits": dict(amounts)},
        },
    }


def _service(
    record: RolloutRecord,
    namespace: str,
    name: str,
    published: PublishedVersion,
    predictor: dict[str, Any],
) -> Object:
    # The tag has no meaning in Standard mode. It is always there, so that pods do not roll when
    # the mode becomes known.
    annotations = {**annotations_of(published), TAG_ROUTING: "true"}
    if record.mode:
        annotations[DEPLOYMENT_MODE] = record.mode.value
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels_of(record.model),
            "annotations": annotations,
        },
        "spec": {"predictor": predictor},
    }
