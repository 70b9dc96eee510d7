"""Each component alone, and all together, upon the base."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.manifests import kustomize
from tests.manifests.kustomize import ROOT, Object

FOLDER = ROOT / "kustomize/components"
COMPONENTS = sorted(f.parent.name for f in FOLDER.glob("*/kustomization.yaml"))


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder from which the base is reached as an overlay reaches it."""
    folder = ROOT / "build/test-overlays"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    (folder / "kustomization.yaml").unlink(missing_ok=True)


def with_components(scratch: Path, *components: str) -> list[Object]:
    said = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "ratoon",
        "resources": ["../../kustomize/base"],
        "components": [f"../../kustomize/components/{name}" for name in components],
    }
    (scratch / "kustomization.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return kustomize.build(scratch)


def runtime_of(objects: list[Object]) -> Object:
    (runtime,) = (o for o in objects if o["kind"] == "ServingRuntime")
    return runtime["spec"]["containers"][0] | {"volumes": runtime["spec"]["volumes"]}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_changes_something(scratch: Path, component: str) -> None:
    assert with_components(scratch, component) != with_components(scratch)


def test_all_components_together_build(scratch: Path) -> None:
    before = with_components(scratch)
    after = with_components(scratch, *COMPONENTS)
    assert len(after) > len(before)


def test_a_base_without_credentials_starts_without_them(scratch: Path) -> None:
    """Where workload identity opens the store there is no Secret, and none may be asked for."""
    objects = with_components(scratch)
    (models,) = (o for o in objects if o["metadata"]["name"] == "ratoon-models")
    assert "secrets" not in models  # KServe refuses the pod of an account with a missing Secret
    assert runtime_of(objects)["envFrom"][0]["secretRef"]["optional"] is True


def test_with_s3_credentials_nothing_starts_without_the_secret(scratch: Path) -> None:
    objects = with_components(scratch, "alerts", "s3-credentials")
    (models,) = (o for o in objects if o["metadata"]["name"] == "ratoon-models")
    assert models["secrets"] == [{"name": "ratoon-object-store"}]
    sources = [runtime_of(objects)["envFrom"][0]]
    sources += [o["spec"]["envFrom"][0] for o in objects if o["kind"] == "PodDefault"]
    sources += [
        o["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]
        for o in objects
        if o["kind"] == "Deployment"
    ]
    assert len(sources) == 7
    assert all(one["secretRef"]["optional"] is False for one in sources)


def test_standard_mode_drains(scratch: Path) -> None:
    plain = runtime_of(with_components(scratch))
    drained = runtime_of(with_components(scratch, "standard-mode"))
    expected = copy.deepcopy(plain)
    expected["args"] += ["--drain-s", "5"]
    assert drained == expected


def test_a_claim_is_mounted_where_compiled_steps_mount_it(scratch: Path) -> None:
    objects = with_components(scratch, "pvc-storage")
    (claim,) = (o for o in objects if o["kind"] == "PersistentVolumeClaim")
    name = claim["metadata"]["name"]
    mounts = runtime_of(objects)["volumeMounts"]
    assert {"name": name, "mountPath": f"/mnt/pvc/{name}"} in mounts


def test_restricted_holds_the_namespace_to_it(scratch: Path) -> None:
    (namespace,) = (o for o in with_components(scratch, "restricted") if o["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
