"""Conditions, events and schemas, read out of what the API says."""

from components.ops.cluster import protocol
from components.ops.cluster.protocol import CONFIG_MAP, INFERENCE_SERVICE, Condition, Kind

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


def test_conditions_are_read_and_said():
    said = [{"type": "Ready", "status": "True"}, FAILED, {"type": "Odd", "status": "Perhaps"}]
    found = with_status(1, conditions=said)
    assert protocol.conditions(found) == (
        Condition("Ready", "True"),
        Condition("PredictorReady", "False", "RevisionFailed", "no image"),
        Condition("Odd", "Unknown"),
    )
    assert [one.sentence() for one in protocol.conditions(found)] == [
        "Ready is True",
        "PredictorReady is False: RevisionFailed: no image",
        "Odd is Unknown",
    ]
    assert protocol.conditions({}) == ()


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
    assert protocol.event_sentences(said) == (
        "A: a (4 times)",
        "Unknown: b",
        "C: c",
        "D: d (9 times)",
    )


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


def test_a_schema_is_found_by_its_kind_and_its_references_are_resolved():
    schema = protocol.resolve_schema(document(INFERENCE_SERVICE), INFERENCE_SERVICE)
    assert protocol.has_field(schema, "spec", "self")
    assert not protocol.has_field(schema, "spec", "canary")
    assert not protocol.has_field(schema, "spec", "self", "self"), "a schema in itself stays open"
    assert protocol.has_field(schema["properties"]["list"]["items"], "self")
    assert protocol.resolve_schema(document(INFERENCE_SERVICE), CONFIG_MAP) is None
    assert protocol.resolve_schema({}, CONFIG_MAP) is None
    assert not protocol.has_field(None, "spec")


def test_where_schemas_are_published():
    assert protocol.document_path(INFERENCE_SERVICE) == "/openapi/v3/apis/serving.kserve.io/v1beta1"
    assert protocol.document_path(CONFIG_MAP) == "/openapi/v3/api/v1"
