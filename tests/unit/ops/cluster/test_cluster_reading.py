"""Conditions, events and schemas, read out of what the API says."""

import pytest

from components.ops.cluster import conditions, events, openapi
from components.ops.cluster.conditions import Condition
from components.ops.cluster.protocol import CONFIG_MAP, INFERENCE_SERVICE, Kind

FAILED = {
    "type": "PredictorReady",
    "status": "False",
    "reason": "RevisionFailed",
    "message": " no image \n",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def with_status(generation: int | None, **status: object) -> dict[str, object]:
    meta = {"name": "a"} if generation is None else {"name": "a", "generation": generation}
    return {"metadata": meta, "status": status} if status else {"metadata": meta}


@pytest.mark.parametrize(
    ("generation", "status", "observed"),
    [
        (2, {"observedGeneration": 2}, True),
        (2, {"observedGeneration": 3}, True),
        (2, {"observedGeneration": 1}, False),
        (1, {}, False),
        (1, {"conditions": []}, False),
        (None, {}, True),
    ],
)
def test_a_status_is_of_the_newest_spec_or_not(generation, status, observed):
    assert conditions.is_observed(with_status(generation, **status)) is observed


def test_conditions_are_read_and_said():
    said = [{"type": "Ready", "status": "True"}, FAILED, {"type": "Odd", "status": "Perhaps"}]
    found = with_status(1, conditions=said)
    assert conditions.conditions(found) == (
        Condition("Ready", "True"),
        Condition("PredictorReady", "False", "RevisionFailed", "no image", "2026-01-01T00:00:00Z"),
        Condition("Odd", "Unknown"),
    )
    assert conditions.condition(found, "None") is None
    assert conditions.as_sentences(found) == (
        "PredictorReady is False: RevisionFailed: no image",
        "Odd is Unknown",
        "Ready is True",
    )
    assert conditions.as_sentences({}) == ()


def test_events_are_in_order_of_when_they_were_last_seen():
    said = [
        {"reason": "C", "message": "c", "eventTime": "2026-01-01T00:00:03.000001Z"},
        {"reason": "A", "message": "a\n", "lastTimestamp": "2026-01-01T00:00:01Z", "count": 4},
        {
            "reason": "D",
            "message": "d",
            "lastTimestamp": "2026-01-01T00:00:00Z",
            "series": {"count": 9, "lastObservedTime": "2026-01-01T00:00:04Z"},
        },
        {"message": "b", "metadata": {"creationTimestamp": "2026-01-01T00:00:02Z"}},
    ]
    assert events.as_sentences(said) == ("A: a (4 times)", "Unknown: b", "C: c", "D: d (9 times)")


def document(*kinds: Kind) -> dict[str, object]:
    inner = {"type": "object", "properties": {"self": {"$ref": "#/components/schemas/Inner"}}}
    schemas: dict[str, object] = {"Inner": inner}
    for kind in kinds:
        schemas[kind.kind] = {
            "properties": {
                "spec": {"allOf": [{"$ref": "#/components/schemas/Inner"}], "default": {}},
                "list": {"items": {"$ref": "#/components/schemas/Inner"}},
            },
            "x-kubernetes-group-version-kind": [
                {"group": kind.group, "version": kind.version, "kind": kind.kind}
            ],
        }
    return {"components": {"schemas": schemas}}


def test_a_schema_is_found_by_its_kind_and_its_references_are_put_in():
    schema = openapi.schema_of(document(INFERENCE_SERVICE), INFERENCE_SERVICE)
    assert openapi.has_field(schema, "spec", "self")
    assert not openapi.has_field(schema, "spec", "canary")
    assert not openapi.has_field(schema, "spec", "self", "self"), "a schema in itself stays open"
    assert openapi.has_field(schema["properties"]["list"]["items"], "self")
    assert openapi.schema_of(document(INFERENCE_SERVICE), CONFIG_MAP) is None
    assert openapi.schema_of({}, CONFIG_MAP) is None
    assert not openapi.has_field(None, "spec")


def test_where_schemas_are_published():
    assert openapi.path_of(INFERENCE_SERVICE) == "/openapi/v3/apis/serving.kserve.io/v1beta1"
    assert openapi.path_of(CONFIG_MAP) == "/openapi/v3/api/v1"
