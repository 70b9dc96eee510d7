"""GitOps: every overlay is followed, in order, and may install what it installs."""

import pytest

from components.ops.schedule.declared import parse_declared
from tests.manifests import kustomize
from tests.manifests.kustomize import ROOT, Object
from tests.manifests.test_manifests_overlays import CLUSTER_SCOPED, NAMESPACES

WAVE = "argocd.argoproj.io/sync-wave"
FOLLOWED = ("staging", "production")


@pytest.fixture(scope="module")
def argo() -> dict[str, Object]:
    return {o["metadata"]["name"]: o for o in kustomize.build(ROOT / "manifests/gitops/argocd")}


def wave(one: Object) -> int:
    return int(one["metadata"].get("annotations", {}).get(WAVE, 0))


@pytest.mark.parametrize("name", FOLLOWED)
def test_argo_cd_follows_an_overlay_into_its_namespace(argo: dict[str, Object], name: str) -> None:
    spec = argo[f"ratoon-{name}"]["spec"]
    assert (ROOT / spec["source"]["path"]).samefile(kustomize.overlay(name))
    assert spec["destination"]["namespace"] == NAMESPACES[name]
    project = argo[spec["project"]]["spec"]
    assert spec["source"]["repoURL"] in project["sourceRepos"]
    assert spec["destination"] in project["destinations"]


@pytest.mark.parametrize("name", FOLLOWED)
def test_flux_follows_the_same_overlays(name: str) -> None:
    objects = {
        (o["kind"], o["metadata"]["name"]): o
        for o in kustomize.build(ROOT / "manifests/gitops/flux")
    }
    spec = objects["Kustomization", f"ratoon-{name}"]["spec"]
    assert (ROOT / spec["path"]).samefile(kustomize.overlay(name))
    assert (spec["sourceRef"]["kind"], spec["sourceRef"]["name"]) in objects


def test_the_project_allows_the_kinds_that_are_installed_and_no_other(
    argo: dict[str, Object],
) -> None:
    kinds: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for name in FOLLOWED:
        for one in kustomize.build(kustomize.overlay(name)):
            group = one["apiVersion"].rpartition("/")[0]
            kinds[one["kind"] in CLUSTER_SCOPED].add((group, one["kind"]))
    project = argo["ratoon"]["spec"]
    lists = {True: "clusterResourceWhitelist", False: "namespaceResourceWhitelist"}
    for is_cluster_scoped, field in lists.items():
        allowed = {(one["group"], one["kind"]) for one in project[field]}
        assert allowed == kinds[is_cluster_scoped], field


def test_nothing_is_declared_on_a_laptop_where_the_schedule_step_keeps_the_run() -> None:
    kinds = {one["kind"] for one in kustomize.build(kustomize.overlay("kind"))}
    assert "Job" not in kinds


@pytest.mark.parametrize("overlay", FOLLOWED, indirect=True)
def test_waves_put_accounts_before_servers_and_the_reconciler_last(objects: list[Object]) -> None:
    waves = {(o["kind"], o["metadata"]["name"]): wave(o) for o in objects}
    assert {waves[key] for key in waves if key[0] in ("Namespace", "Role", "PodDefault")} == {0}
    assert waves["ServingRuntime", "ratoon"] == 1
    assert waves["Job", "ratoon-reconcile"] == max(waves.values()) == 3
    assert all(w < 3 for (kind, _), w in waves.items() if kind in ("ConfigMap", "PipelineVersion"))


@pytest.mark.parametrize("overlay", FOLLOWED, indirect=True)
def test_the_reconciler_runs_again_when_what_is_declared_changes(objects: list[Object]) -> None:
    (job,) = (o for o in objects if o["kind"] == "Job")
    (declared,) = (o for o in objects if o["metadata"]["name"].startswith("ratoon-recurring-"))
    notes = job["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    assert notes["kustomize.toolkit.fluxcd.io/force"] == "enabled"
    assert job["spec"]["ttlSecondsAfterFinished"]
    # The digest in the name changes the Job with the files.
    volumes = {v["name"]: v for v in job["spec"]["template"]["spec"]["volumes"]}
    assert volumes["recurring"]["configMap"]["name"] == declared["metadata"]["name"]


@pytest.mark.parametrize("overlay", FOLLOWED, indirect=True)
def test_declared_runs_are_pinned_to_the_installed_version(
    overlay: str, objects: list[Object]
) -> None:
    (job,) = (o for o in objects if o["kind"] == "Job")
    (versions,) = (o for o in objects if o["metadata"]["name"].startswith("ratoon-pipelines-"))
    installed = {o["metadata"]["name"]: o for o in objects if o["kind"] == "PipelineVersion"}
    environment = {
        one["name"]: one for one in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    source = environment["RATOON_MONITOR_VERSION"]["valueFrom"]["configMapKeyRef"]
    assert source == {"name": versions["metadata"]["name"], "key": "monitor"}
    for pipeline, version in versions["data"].items():
        assert installed[version]["spec"]["pipelineName"] == pipeline
    assert (ROOT / "models/flights" / environment["RATOON_OVERLAY"]["value"]).stem == overlay


@pytest.mark.parametrize("overlay", FOLLOWED, indirect=True)
def test_every_model_that_is_declared_is_mounted_and_can_be_read(objects: list[Object]) -> None:
    (declared,) = (o for o in objects if o["metadata"]["name"].startswith("ratoon-recurring-"))
    files = {f.name for f in (ROOT / "manifests/recurring").glob("*.yaml")}
    assert set(declared["data"]) == files - {"kustomization.yaml", "reconcile.yaml"}
    for name, text in declared["data"].items():
        assert f"{parse_declared(text, name).model}.yaml" == name
