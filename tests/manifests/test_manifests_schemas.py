"""Every object is one that its API knows, to the last field."""

import copy

import kubernetes_validate
import pytest

from tests.manifests import kustomize, schemas
from tests.manifests.kustomize import ROOT, Object
from tests.manifests.schemas import complaints, schema_of

KUBERNETES = "1.34"
CORE_GROUPS = ("", "apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io", "policy")


def is_core(one: Object) -> bool:
    group = one["apiVersion"].rpartition("/")[0]
    return group in CORE_GROUPS


def test_core_objects_are_valid(objects: list[Object]) -> None:
    checked = [
        kubernetes_validate.validate(o, KUBERNETES, strict=True) for o in objects if is_core(o)
    ]
    assert len(checked) > 20


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize("newer", [False, True], ids=["KServe 0.16", "KServe 0.20"])
def test_custom_objects_are_valid(objects: list[Object], newer: bool) -> None:
    checked = 0
    for one in (o for o in objects if not is_core(o)):
        schema = schema_of(one["apiVersion"], one["kind"], newer)
        assert schema is not None, f"no definition of {one['apiVersion']} {one['kind']}"
        assert complaints(one, schema) == []
        checked += 1
    assert checked > 6


@pytest.mark.usefixtures("crds")
def test_a_field_that_no_definition_knows_is_refused(objects: list[Object]) -> None:
    (runtime,) = (copy.deepcopy(o) for o in objects if o["kind"] == "ServingRuntime")
    runtime["spec"]["containers"][0]["readyness"] = {}
    schema = schema_of(runtime["apiVersion"], "ServingRuntime")
    assert schema is not None
    (complaint,) = complaints(runtime, schema)
    assert "readyness" in complaint


@pytest.mark.usefixtures("crds")
def test_the_runtime_says_nothing_that_knative_refuses(objects: list[Object]) -> None:
    """KServe in Knative mode puts a runtime's containers and volumes into a Knative Service."""
    (runtime,) = (o for o in objects if o["kind"] == "ServingRuntime")
    spec = {key: runtime["spec"][key] for key in ("containers", "volumes")}
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "flights-predictor"},
        "spec": {"template": {"spec": spec}},
    }
    schema = schema_of("serving.knative.dev/v1", "Service")
    assert schema is not None
    assert complaints(service, schema) == []
    service["spec"]["template"]["spec"]["containers"][0] |= {"lifecycle": {}}
    assert complaints(service, schema), "Knative refuses hooks of containers"


@pytest.mark.usefixtures("crds")
def test_the_applications_of_argo_cd_are_valid() -> None:
    objects = kustomize.build(ROOT / "manifests/gitops/argocd")
    assert sorted(o["kind"] for o in objects) == ["AppProject"] * 2 + ["Application"] * 3
    for one in objects:
        schema = schema_of(one["apiVersion"], one["kind"])
        assert schema is not None
        assert complaints(one, schema) == []


_DURATION = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"}
_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
# The fields of Flux's v1 API that are used here, for where its definitions are not at hand.
FLUX = {
    "GitRepository": {
        "required": ["url", "interval"],
        "properties": {
            "url": {"type": "string", "pattern": "^(http|https|ssh)://"},
            "interval": _DURATION,
            "ref": {"type": "object", "properties": {"branch": _TEXT, "tag": _TEXT}},
            "secretRef": {"type": "object", "properties": {"name": _TEXT}},
        },
    },
    "Kustomization": {
        "required": ["interval", "prune", "sourceRef"],
        "properties": {
            **dict.fromkeys(("interval", "retryInterval", "timeout"), _DURATION),
            **dict.fromkeys(("prune", "wait", "force"), _FLAG),
            **dict.fromkeys(("path", "targetNamespace"), _TEXT),
            "sourceRef": {
                "type": "object",
                "required": ["kind", "name"],
                "properties": {"kind": {"enum": ["GitRepository"]}, "name": _TEXT},
            },
        },
    },
}


def test_the_objects_of_flux_are_valid() -> None:
    objects = kustomize.build(ROOT / "manifests/gitops/flux")
    assert sorted(o["kind"] for o in objects) == ["GitRepository"] * 2 + ["Kustomization"] * 3
    for one in objects:
        whole = schemas.are_there() and schema_of(one["apiVersion"], one["kind"])
        spec = {"type": "object", **FLUX[one["kind"]]}
        schema = whole or schemas.closed({"type": "object", "properties": {"spec": spec}}, True)
        assert complaints(one, schema) == []
