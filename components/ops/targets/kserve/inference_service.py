"""The InferenceServices that follow from a record (KServe v1beta1)."""

import math
from typing import Any

from components.ops.cluster.protocol import INFERENCE_SERVICE, Object
from components.ops.targets.kserve.names import (
    CONTAINER,
    DEPLOYMENT_MODE,
    TAG_ROUTING,
    annotations_of,
    candidate_name,
    labels_of,
)
from components.ops.targets.kserve.record import Published, RolloutRecord, Strategy

RUNTIME = "ratoon"


def wanted(record: RolloutRecord, namespace: str) -> tuple[Object, ...]:
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
    serves = candidate if record.raised else champion
    main = _service(record, namespace, record.model, serves, _predictor(record.model, serves))
    name = candidate_name(record.model)
    tried = _service(record, namespace, name, candidate, _predictor(record.model, candidate))
    return main, tried


def percent_of(share: float) -> int:
    """A share of the traffic in whole percent; some is never none, and a part never the whole."""
    if share in (0, 1):
        return int(share * 100)
    return min(99, max(1, round(share * 100)))


def _stable(record: RolloutRecord, namespace: str, serves: Published) -> Object:
    predictor = _predictor(record.model, serves)
    if record.held and record.champion:
        predictor = {**predictor, "canaryTrafficPercent": 0}
    elif serves.slot and record.champion:
        predictor = _named(predictor, serves)
    return _service(record, namespace, record.model, serves, predictor)


def _knative_canary(record: RolloutRecord, namespace: str, candidate: Published) -> Object:
    """The newest revision gets the share, the one that was rolled out last keeps the rest."""
    # At 100 KServe would take the candidate for rolled out, and could not go back to the champion.
    percent = min(99, percent_of(record.share))
    predictor = {**_predictor(record.model, candidate), "canaryTrafficPercent": percent}
    return _service(record, namespace, record.model, candidate, predictor)


def _listed_canary(
    record: RolloutRecord, namespace: str, champion: Published, candidate: Published
) -> Object:
    stable = _predictor(record.model, champion)
    stable["minReplicas"] = most = max(1, champion.serving.replicas)
    fewest = most if record.raised else math.ceil(most * record.share)
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


def _named(predictor: dict[str, Any], published: Published) -> dict[str, Any]:
    """A predictor that says itself what it is: beside another one, and after its promotion."""
    # The schema of spec.canary[] wants the container's name, that of spec.predictor does not.
    model = {"name": CONTAINER, **predictor["model"]}
    said = annotations_of(published)
    return {**predictor, "name": published.slot, "annotations": said, "model": model}


def _predictor(model: str, published: Published) -> dict[str, Any]:
    serving = published.serving
    amounts = {"cpu": serving.resources.cpu, "memory": serving.resources.memory}
    return {
        "serviceAccountName": serving.account,
        "minReplicas": serving.replicas,
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
    published: Published,
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
