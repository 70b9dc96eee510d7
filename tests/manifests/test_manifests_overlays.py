"""Overlays: what is installed is what was reviewed, and every name in it leads somewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.core.spec.load import load_spec
from tests.manifests import kustomize
from tests.manifests.kustomize import ROOT, Object
from tests.manifests.pod_security import breaches
from tests.manifests.pods import Pod, pods_of
from tests.manifests.references import leaves, references

NAMESPACES = {"kind": "ratoon", "staging": "ratoon-staging", "production": "ratoon-production"}
# Made in a cluster by people or by Kubeflow, never by us: no secret is in git.
EXTERNAL_SECRETS = {"ratoon-object-store", "ratoon-git"}
KUBEFLOW_MAKES = {("Secret", "mlpipeline-minio-artifact"), ("ConfigMap", "kfp-launcher")}
# The overlays for a KFP that keeps pipelines in Kubernetes; to any other they are uploaded.
WITH_OBJECTS = ("staging", "production")
CLUSTER_SCOPED = {"Namespace", "Profile"}
OUR_IMAGES = ("ratoon-data", "ratoon-model", "ratoon-ops")


def names(objects: list[Object], kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in objects if one["kind"] == kind}


def test_what_is_rendered_is_what_was_reviewed(overlay: str, objects: list[Object]) -> None:
    golden = kustomize.GOLDEN / f"{overlay}.yaml"
    assert kustomize.text_of(objects) == golden.read_text(), "run `make overlays`"


def test_kubeflow_as_it_comes_is_asked_for_no_kind_that_it_does_not_have() -> None:
    here, there = (kustomize.build(kustomize.overlay(name)) for name in ("kind", "production"))
    assert not [one for one in here if one["apiVersion"].startswith("pipelines.kubeflow.org/")]
    assert names(here, "PodDefault") == names(there, "PodDefault")


@pytest.mark.parametrize("overlay", WITH_OBJECTS, indirect=True)
def test_compiled_pipelines_are_installed_as_they_were_compiled(objects: list[Object]) -> None:
    installed = {o["metadata"]["name"]: o for o in objects if kustomize.is_compiled(o)}
    compiled = kustomize.build(ROOT / "manifests/pipelines")
    assert len(compiled) == 5
    assert {o["metadata"]["name"] for o in compiled} == set(installed)
    for one in compiled:
        same = {key: installed[one["metadata"]["name"]].get(key) for key in ("spec", "data")}
        assert same == {key: one.get(key) for key in ("spec", "data")}


def test_everything_is_in_the_overlays_namespace(overlay: str, objects: list[Object]) -> None:
    for one in objects:
        # kustomize takes every custom resource for namespaced; clients drop it of a Profile.
        wanted = None if one["kind"] == "Namespace" else NAMESPACES[overlay]
        assert one["metadata"].get("namespace") == wanted, one["metadata"]["name"]
    assert names(objects, "Namespace") == names(objects, "Profile") == {NAMESPACES[overlay]}
    for binding in (one for one in objects if one["kind"] == "RoleBinding"):
        for subject in binding["subjects"]:
            assert subject["namespace"] == NAMESPACES[overlay]


def test_no_object_stands_twice(objects: list[Object]) -> None:
    identities = [(o["apiVersion"], o["kind"], o["metadata"]["name"]) for o in objects]
    assert len(identities) == len(set(identities))


def test_the_profile_may_take_the_namespace(objects: list[Object]) -> None:
    (profile,) = (one for one in objects if one["kind"] == "Profile")
    (namespace,) = (one for one in objects if one["kind"] == "Namespace")
    owner = profile["spec"]["owner"]["name"]
    # Kubeflow's profile controller refuses a namespace whose annotation names another owner.
    assert namespace["metadata"]["annotations"]["owner"] == owner
    # By this label its webhook applies PodDefaults, and its policies let the namespace in.
    assert namespace["metadata"]["labels"]["app.kubernetes.io/part-of"] == "kubeflow-profile"
    assert namespace["metadata"]["labels"]["pipelines.kubeflow.org/enabled"] == "true"


def test_every_service_account_exists(objects: list[Object]) -> None:
    accounts = names(objects, "ServiceAccount")
    named = {pod.spec["serviceAccountName"] for pod in pods_of(objects) if pod.is_whole}
    named |= {o["spec"]["serviceAccountName"] for o in objects if o["kind"] == "PodDefault"}
    named |= {s["name"] for o in objects if o["kind"] == "RoleBinding" for s in o["subjects"]}
    assert named <= accounts
    # The account of predictors is named by the spec's default.
    assert "ratoon-models" in accounts
    bound = {o["roleRef"]["name"] for o in objects if o["kind"] == "RoleBinding"}
    assert bound == names(objects, "Role")


def test_every_secret_and_config_map_is_there_or_announced(objects: list[Object]) -> None:
    for kind, name in references(objects):
        known = EXTERNAL_SECRETS if kind == "Secret" else names(objects, kind)
        assert name in known or (kind, name) in KUBEFLOW_MAKES, f"{kind} {name}"


def test_no_secret_is_in_git(objects: list[Object]) -> None:
    assert not names(objects, "Secret")


@pytest.mark.parametrize("overlay", WITH_OBJECTS, indirect=True)
def test_every_step_has_a_role_that_a_pod_default_serves(objects: list[Object]) -> None:
    defaults = [one["spec"]["selector"]["matchLabels"] for one in objects if is_pod_default(one)]
    served = {labels["ratoon.dev/role"] for labels in defaults}
    assert len(served) == len(defaults), "two set the account of one pod: the last would win"
    assert set(roles(objects)) == served


@pytest.mark.parametrize("overlay", WITH_OBJECTS, indirect=True)
def test_every_image_of_a_step_is_one_that_we_build(objects: list[Object]) -> None:
    versions = [o for o in objects if o["kind"] == "PipelineVersion"]
    images = {v for one in versions for path, v in leaves(one) if path[-1] == "image"}
    assert {image.rpartition("/")[2].partition(":")[0] for image in images} == set(OUR_IMAGES)


def test_every_image_is_one_that_we_build(overlay: str, objects: list[Object]) -> None:
    images = [c["image"] for pod in pods_of(objects) for c in pod.containers]
    assert images
    registries = set()
    for image in images:
        registry, _, last = image.rpartition("/")
        repository, _, tag = last.partition(":")
        assert repository in OUR_IMAGES
        assert tag
        assert tag != "latest"
        registries.add(registry)
    assert len(registries) == 1
    assert (registries == {"kind.local"}) == (overlay == "kind")


def test_pods_keep_to_restricted_pod_security(objects: list[Object]) -> None:
    for pod in pods_of(objects):
        assert list(breaches(pod)) == []


@pytest.mark.parametrize(
    ("change", "breach"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "volume x"),
        ({"containers": [{"name": "c", "image": "i"}]}, "c: privilege escalation"),
    ],
)
def test_a_breach_of_restricted_pod_security_is_seen(change: dict[str, Any], breach: str) -> None:
    assert any(breach in one for one in breaches(Pod("Job/x", {}, {"containers": []} | change)))


def test_every_pod_says_what_it_needs_and_writes_nowhere_but_tmp(objects: list[Object]) -> None:
    for pod in pods_of(objects):
        for container in pod.containers:
            assert set(container["resources"]) == {"requests", "limits"}
            assert container["resources"]["limits"]["memory"]
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_manifests_name_no_namespace_and_no_prefix() -> None:
    for file in sorted((ROOT / "manifests").rglob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not isinstance(one, dict):
                continue
            assert "namespace" not in (one.get("metadata") or {}), file
            assert one.get("kind") != "Namespace", file
            if one.get("kind") == "Kustomization" and "resources" in one:
                assert not {"namespace", "namePrefix", "nameSuffix", "labels"} & set(one), file


def test_every_folder_of_manifests_lists_its_files() -> None:
    folders = [f.parent for f in (ROOT / "manifests").rglob("kustomization.yaml")]
    assert len(folders) >= 7
    for folder in folders:
        said = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
        listed = set(said.get("resources", ()))
        listed |= {f for one in said.get("configMapGenerator", ()) for f in one.get("files", ())}
        if folder == ROOT / "manifests/pipelines":
            continue  # its plain YAML is for the dashboard's upload
        there = {f.name for f in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert there <= listed, folder


def test_overlays_build_on_the_base_and_never_on_each_other() -> None:
    for name in kustomize.OVERLAYS:
        said = yaml.safe_load((kustomize.overlay(name) / "kustomization.yaml").read_text())
        assert [r for r in said["resources"] if r.startswith("..")] == ["../../base"]
        assert all(c.startswith("../../components/") for c in said["components"])
        assert all({"version", "kind"} <= set(p["target"]) for p in said.get("patches", ()))


def test_the_overlays_of_the_spec_say_only_what_differs(
    overlay: str, objects: list[Object]
) -> None:
    folder = ROOT / "models/flights"
    text = (folder / "model.yaml").read_text(encoding="utf-8")
    over = (folder / f"{overlay}.yaml").read_text(encoding="utf-8")
    base, here = load_spec(text), load_spec(text, over, where=f"{overlay}.yaml")
    assert here.serving.store is not None
    assert here.features == base.features
    assert here.gates == base.gates
    for path, value in leaves(yaml.safe_load(over)):
        assert at(yaml.safe_load(text), path) != value, f"{'.'.join(path)} does not differ"
    for watched in watched_models(objects):
        assert watched["flights"] == here.serving.audit_uri
    namespace = NAMESPACES[overlay]
    assert here.serving.target.endswith((f"://{namespace}", f"namespace={namespace}"))


def watched_models(objects: list[Object]) -> Iterator[dict[str, str]]:
    """What the exporter is told, where there is one."""
    for one in objects:
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("ratoon-exporter-"):
            yield yaml.safe_load(one["data"]["models.yaml"])


def is_pod_default(one: Object) -> bool:
    return one["kind"] == "PodDefault"


def roles(objects: list[Object]) -> Iterator[str]:
    """Every value of our label that a compiled pipeline puts on a pod."""
    for one in objects:
        if one["kind"] == "PipelineVersion":
            found = (v for path, v in leaves(one) if path[-2:] == ("labels", "ratoon.dev/role"))
            yield from found


def at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
