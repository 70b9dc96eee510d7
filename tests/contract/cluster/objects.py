"""Objects that the contract is tried with."""

from typing import Any

from components.ops.cluster.protocol import Kind, Object

NOBODY = Kind("example.org", "v1", "Widget", "widgets")


def config_map(namespace: str, name: str, data: dict[str, str] | None = None, **labels: str) -> Any:
    meta: dict[str, Any] = {"name": name, "namespace": namespace}
    if labels:
        meta["labels"] = labels
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    return body if data is None else {**body, "data": data}


def service(namespace: str, predictor: dict[str, Any], **labels: str) -> Any:
    meta: dict[str, Any] = {"name": "flights", "namespace": namespace}
    if labels:
        meta["labels"] = labels
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": meta,
        "spec": {"predictor": predictor},
    }


def model(**more: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "ratoon"}, **more}}


def data_of(found: Object | None) -> Any:
    assert found is not None
    return found.get("data")


def event(
    namespace: str, about: str, reason: str, message: str, second: str, count: int = 1
) -> Any:
    said = f"2026-01-01T00:00:{second}Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{second}", "namespace": namespace},
        "involvedObject": {"kind": "InferenceService", "name": about, "namespace": namespace},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "firstTimestamp": said,
        "lastTimestamp": said,
        "count": count,
    }
