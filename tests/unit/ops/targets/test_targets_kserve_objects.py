"""The InferenceServices that follow from a record, whole, and whether KServe's CRDs allow them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.spec.operation import Serving
from components.ops.targets import rollout_state
from components.ops.targets.kserve.inference_service import desired_services, percent_of
from components.ops.targets.kserve.record import Mode, PublishedVersion, RolloutRecord, Strategy
from tests.needs import skip_or_fail

CRD = "serving.kserve.io_inferenceservices.yaml"


def published(version: str, *, slot: str = "", replicas: int = 1) -> PublishedVersion:
    serving = Serving.model_validate(
        {
            "target": "kserve://ns",
            "store": "s3://store/models",
            "log": "s3://store/log",
            "min_replicas": replicas,
            "resources": {"cpu": "500m", "memory": "512Mi"},
        }
    )
    return PublishedVersion(
        version=version,
        uri=f"s3://store/models/toy/{version}",
        digest=f"d-{version}",
        run="run-1",
        as_of="2013-07-01T00:00:00Z",
        serving=serving,
        slot=slot,
    )


def predictor(version: str, replicas: int = 1, **more: object) -> dict[str, Any]:
    return {
        "serviceAccountName": "ratoon-models",
        "minReplicas": replicas,
        "model": {
            "modelFormat": {"name": "ratoon"},
            "runtime": "ratoon",
            "protocolVersion": "v2",
            "storageUri": f"s3://store/models/toy/{version}",
            "args": ["--name", "toy", "--log", "s3://store/log"],
            "resources": {
                "requests": {"cpu": "500m", "memory": "512Mi"},
                "limits": {"cpu": "500m", "memory": "512Mi"},
            },
        },
        **more,
    }


def named(version: str, replicas: int, name: str) -> dict[str, Any]:
    bare = predictor(version, replicas, name=name, annotations=said(version))
    return {**bare, "model": {"name": "kserve-container", **bare["model"]}}


def said(version: str) -> dict[str, str]:
    return {
        "ratoon.dev/version": version,
        "ratoon.dev/digest": f"d-{version}",
        "ratoon.dev/run": "run-1",
        "ratoon.dev/as-of": "2013-07-01T00:00:00Z",
    }


def service(version: str, spec: dict[str, Any], name: str = "toy", **more: str) -> dict[str, Any]:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "labels": {
                "app.kubernetes.io/managed-by": "ratoon",
                "app.kubernetes.io/name": "toy",
            },
            "annotations": {
                **said(version),
                "serving.kserve.io/enable-tag-routing": "true",
                **more,
            },
        },
        "spec": spec,
    }


BARE = RolloutRecord(model="toy")
FIRST = rollout_state.with_candidate(BARE, published("v1"))
SERVING = rollout_state.with_promotion(FIRST, "v1", "good")
THREE = BARE.model_copy(update={"champion": published("v1", replicas=3)})


def under_way(
    strategy: Strategy, share: float, base: RolloutRecord = SERVING, *, scaled_up: bool = False
) -> RolloutRecord:
    slot = "vb" if strategy is Strategy.CANARY else ""
    record = rollout_state.with_candidate(base, published("v2", slot=slot, replicas=3))
    return record.model_copy(update={"strategy": strategy, "share": share, "scaled_up": scaled_up})


def canary(share: int, replicas: int) -> dict[str, Any]:
    inside = named("v2", replicas, "vb")
    return {"trafficPercent": share, "predictor": inside}


RULES = {
    "nothing": (BARE, []),
    "first": (FIRST, [service("v1", {"predictor": predictor("v1")})]),
    "serving": (SERVING, [service("v1", {"predictor": predictor("v1")})]),
    "mode named": (
        SERVING.model_copy(update={"mode": Mode.STANDARD}),
        [
            service(
                "v1",
                {"predictor": predictor("v1")},
                **{"serving.kserve.io/deploymentMode": "Standard"},
            )
        ],
    ),
    "knative, staged": (
        under_way(Strategy.KNATIVE, 0.0),
        [service("v2", {"predictor": predictor("v2", 3, canaryTrafficPercent=0)})],
    ),
    "knative, a quarter": (
        under_way(Strategy.KNATIVE, 0.25),
        [service("v2", {"predictor": predictor("v2", 3, canaryTrafficPercent=25)})],
    ),
    "knative, never the whole before its promotion": (
        under_way(Strategy.KNATIVE, 1.0),
        [service("v2", {"predictor": predictor("v2", 3, canaryTrafficPercent=99)})],
    ),
    "knative, promoted": (
        rollout_state.with_promotion(under_way(Strategy.KNATIVE, 0.5), "v2", "good"),
        [service("v2", {"predictor": predictor("v2", 3)})],
    ),
    "knative, rolled back and held": (
        rollout_state.without_candidate(under_way(Strategy.KNATIVE, 0.5), "v2", "bad").model_copy(
            update={"pinned": True}
        ),
        [service("v1", {"predictor": predictor("v1", canaryTrafficPercent=0)})],
    ),
    "canary, staged": (
        under_way(Strategy.CANARY, 0.0),
        [service("v1", {"predictor": predictor("v1"), "canary": [canary(0, 1)]})],
    ),
    "canary, half of three": (
        under_way(Strategy.CANARY, 0.5, THREE),
        [service("v1", {"predictor": predictor("v1", 3), "canary": [canary(50, 2)]})],
    ),
    "canary, the whole": (
        under_way(Strategy.CANARY, 1.0, THREE),
        [service("v1", {"predictor": predictor("v1", 3), "canary": [canary(100, 3)]})],
    ),
    "canary, brought up before it gets the whole": (
        under_way(Strategy.CANARY, 0.5, THREE, scaled_up=True),
        [service("v1", {"predictor": predictor("v1", 3), "canary": [canary(50, 3)]})],
    ),
    "canary, promoted: its predictor as it was": (
        rollout_state.with_promotion(under_way(Strategy.CANARY, 1.0), "v2", "good"),
        [service("v2", {"predictor": named("v2", 3, "vb")})],
    ),
    "canary beside one that was one": (
        rollout_state.with_candidate(
            rollout_state.with_promotion(under_way(Strategy.CANARY, 1.0), "v2", "good"),
            published("v3", slot="vc"),
        ),
        [
            service(
                "v2",
                {
                    "predictor": named("v2", 3, "vb"),
                    "canary": [
                        {
                            "trafficPercent": 0,
                            "predictor": named("v3", 1, "vc"),
                        }
                    ],
                },
            )
        ],
    ),
    "whole, staged": (
        under_way(Strategy.BLUE_GREEN, 0.0),
        [
            service("v1", {"predictor": predictor("v1")}),
            service("v2", {"predictor": predictor("v2", 3)}, "toy-candidate"),
        ],
    ),
    "whole, brought up": (
        under_way(Strategy.BLUE_GREEN, 0.0, scaled_up=True),
        [
            service("v2", {"predictor": predictor("v2", 3)}),
            service("v2", {"predictor": predictor("v2", 3)}, "toy-candidate"),
        ],
    ),
    "whole, promoted": (
        rollout_state.with_promotion(under_way(Strategy.BLUE_GREEN, 1.0), "v2", "good"),
        [service("v2", {"predictor": predictor("v2", 3)})],
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_what_follows_from_a_record(name: str) -> None:
    record, expected = RULES[name]
    assert list(desired_services(record, "ns")) == expected
    read_again = RolloutRecord.model_validate_json(record.model_dump_json())
    assert json.dumps(desired_services(read_again, "ns")) == json.dumps(
        desired_services(record, "ns")
    )


@pytest.mark.parametrize(
    ("share", "percent"),
    [(0, 0), (0.001, 1), (0.25, 25), (0.335, 34), (0.999, 99), (1, 100)],
)
def test_a_share_in_percent(share: float, percent: int) -> None:
    assert percent_of(share) == percent


def crds() -> Path:
    named = os.environ.get("RATOON_CRDS")
    folder = Path(named) if named else Path(__file__).resolve().parents[5] / "shared" / "crds"
    if not folder.is_dir():
        skip_or_fail(f"no CRDs at {folder}; RATOON_CRDS names their folder")
    return folder


@pytest.fixture(scope="module", params=[".", "kserve-0.20"])
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    document = yaml.load((crds() / request.param / CRD).read_text(), yaml.CSafeLoader)
    (version,) = [v for v in document["spec"]["versions"] if v["name"] == "v1beta1"]
    return {**version["schema"]["openAPIV3Schema"], "is_newer": request.param != "."}


def test_kserve_declares_every_field(schema: dict[str, Any]) -> None:
    for name, (record, _) in RULES.items():
        if record.strategy is Strategy.CANARY and not schema["is_newer"]:
            continue
        for made in desired_services(record, "ns"):
            assert list(faults(schema, made, name)) == []


def test_a_field_that_kserve_does_not_declare_is_found(schema: dict[str, Any]) -> None:
    made = service("v1", {"predictor": {**predictor("v1"), "minReplica": 1}})
    assert list(faults(schema, made, "x")) == ["x.spec.predictor.minReplica"]
    made = service("v1", {"predictor": predictor("v1", "one")})  # type: ignore[arg-type]
    assert list(faults(schema, made, "x")) == ["x.spec.predictor.minReplicas: no integer"]


_TYPES = {"integer": int, "string": str, "object": dict, "array": list, "boolean": bool}


def faults(schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    """What a structural schema (CustomResourceDefinition v1) does not allow."""
    if schema.get("x-kubernetes-int-or-string"):
        return
    wants = _TYPES.get(schema.get("type", ""))
    if wants and not isinstance(value, wants):
        yield f"{at}: no {schema['type']}"
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from faults(schema["items"], one, f"{at}[{place}]")
    elif isinstance(value, dict) and not at.endswith(".metadata"):
        yield from (
            f"{at}.{key}: missing" for key in schema.get("required", ()) if key not in value
        )
        for key, one in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if below is None:
                yield f"{at}.{key}"
            else:
                yield from faults(below, one, f"{at}.{key}")
