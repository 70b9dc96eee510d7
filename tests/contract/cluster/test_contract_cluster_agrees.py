"""The fake and a real API server come to the same objects, over writes drawn by chance."""

import random
from pathlib import Path
from typing import Any

import pytest

from components.core.errors import ClusterError
from components.ops.cluster.protocol import INFERENCE_SERVICE, KubeClient
from tests.contract.cluster import cluster_factories

MANAGERS = ("ratoon", "argocd", "person")
STEPS = 60
# Where one manager takes the last field of a map that another one applied, the API server of
# Kubernetes 1.34 and 1.36 makes it null and refuses it; the fake leaves an empty map.
NULL_MAP = 'must be of type object: "null"'


def drawn_model(chance: random.Random) -> dict[str, Any]:
    """Some of the fields of a model, each of few values, so that managers meet."""
    some: dict[str, Any] = {}
    for field, values in {
        "storageUri": ["s3://b/1", "s3://b/2"],
        "args": [["--a"], ["--a", "--b"], []],
        "runtime": ["ratoon", "other"],
        "resources": [{"limits": {"cpu": "1"}}, {"limits": {"memory": "1Gi"}}],
    }.items():
        if chance.random() < 0.5:
            some[field] = chance.choice(values)
    return {"modelFormat": {"name": "ratoon"}, **some}


def drawn(chance: random.Random, namespace: str) -> dict[str, Any]:
    """An InferenceService without empty maps: who owns one is not modelled in memory."""
    predictor: dict[str, Any] = {"model": drawn_model(chance)}
    if chance.random() < 0.5:
        predictor["minReplicas"] = chance.choice([1, 2])
    meta: dict[str, Any] = {"name": "flights", "namespace": namespace}
    for part in ("labels", "annotations"):
        if chance.random() < 0.4:
            keys = chance.sample("abc", chance.choice([1, 2]))
            meta[part] = {key: chance.choice("12") for key in keys}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": meta,
        "spec": {"predictor": predictor},
    }


def outcome(cluster: KubeClient, verb: str, wanted: dict[str, Any]) -> Any:
    """What a write came to: the object without what no two servers share; or the refusal."""
    namespace = wanted["metadata"]["namespace"]
    try:
        if verb == "replace":
            found = cluster.get(INFERENCE_SERVICE, namespace, "flights")
            version = (found or {"metadata": {}})["metadata"].get("resourceVersion", "1")
            meta = {**wanted["metadata"], "resourceVersion": version}
            cluster.replace(INFERENCE_SERVICE, {**wanted, "metadata": meta})
        elif verb == "delete":
            cluster.delete(INFERENCE_SERVICE, namespace, "flights")
        else:
            getattr(cluster, verb)(INFERENCE_SERVICE, wanted)
    except ClusterError as error:
        refused = f"{type(error).__name__}: {error}".replace(namespace, "here")
        return refused.split(": Operation")[0].split(": the object")[0]
    return seen(cluster, namespace)


def seen(cluster: KubeClient, namespace: str) -> Any:
    """What stands there, with who applied which field."""
    found = cluster.get(INFERENCE_SERVICE, namespace, "flights")
    if found is None:
        return None
    meta = found["metadata"]
    owners = {
        one["manager"]: one["fieldsV1"]
        for one in meta.get("managedFields", [])
        if one["operation"] == "Apply"
    }
    return {
        "spec": found.get("spec"),
        "labels": meta.get("labels") or {},
        "annotations": meta.get("annotations") or {},
        "generation": meta["generation"],
        "owners": owners,
    }


@pytest.mark.parametrize("seed", range(4))
def test_both_come_to_the_same(real_api: Path, tmp_path: Path, seed: int):
    chance = random.Random(seed)
    memory = cluster_factories.InMemory(cluster_factories.new_namespace())
    real = cluster_factories.Real(cluster_factories.new_namespace(), real_api, tmp_path)
    compared = 0
    for step in range(STEPS):
        verb = chance.choices(["apply", "create", "replace", "delete"], [80, 4, 14, 2])[0]
        manager = chance.choice(MANAGERS)
        wanted = drawn(chance, "")
        came = []
        for factory in (memory, real):
            wanted["metadata"]["namespace"] = factory.namespace
            came.append(outcome(factory.cluster(manager), verb, wanted))
        if NULL_MAP in str(came[1]):
            for factory in (memory, real):
                factory.cluster().delete(INFERENCE_SERVICE, factory.namespace, "flights")
            continue
        compared += 1
        assert came[0] == came[1], f"step {step}: {verb} by {manager}: {wanted}"
    assert compared > STEPS - 5
