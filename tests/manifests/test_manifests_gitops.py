"""GitOps: every overlay is followed, in order, and may install what it installs."""

import pytest

from components.core.spec.load import load_spec
from components.ops.schedule.manifest import parse_manifest
from components.ops.targets.target_uri import parse_git_uri
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
    # The reconciler moves the recurring runs to a new version before the old one is pruned.
    assert "PruneLast=true" in spec["syncPolicy"]["syncOptions"]


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
    named = set()
    for name in FOLLOWED:
        for one in kustomize.build(kustomize.overlay(name)):
            group = one["apiVersion"].rpartition("/")[0]
            kinds[one["kind"] in CLUSTER_SCOPED].add((group, one["kind"]))
            if one["kind"] in CLUSTER_SCOPED:
                named.add((one["kind"], one["metadata"]["name"]))
    project = argo["ratoon"]["spec"]
    lists = {True: "clusterResourceWhitelist", False: "namespaceResourceWhitelist"}
    for is_cluster_scoped, field in lists.items():
        allowed = {(one["group"], one["kind"]) for one in project[field]}
        assert allowed == kinds[is_cluster_scoped], field
    # Not any namespace of the cluster: those two, by name.
    assert {(one["kind"], one["name"]) for one in project["clusterResourceWhitelist"]} == named


def test_promotions_are_followed_where_the_spec_commits_them(argo: dict[str, Object]) -> None:
    text = (ROOT / "models/flights/model.yaml").read_text(encoding="utf-8")
    over = (ROOT / "models/flights/production.yaml").read_text(encoding="utf-8")
    place = parse_git_uri(load_spec(text, over, where="production.yaml").serving.target)
    spec = argo["ratoon-models-flights"]["spec"]
    source = spec["source"]
    assert (source["repoURL"], source["targetRevision"]) == (place.address.url, place.address.at)
    assert source["path"] == place.address.folder
    assert spec["destination"]["namespace"] == place.namespace
    # A first candidate that is taken back leaves two manifests without an object.
    assert spec["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True, "allowEmpty": True}

    flux = {
        (o["kind"], o["metadata"]["name"]): o["spec"]
        for o in kustomize.build(ROOT / "manifests/gitops/flux")
    }
    followed = flux["Kustomization", "ratoon-models"]
    repository = flux["GitRepository", followed["sourceRef"]["name"]]
    assert (repository["url"], repository["ref"]) == (place.address.url, {"branch": "main"})
    assert place.address.folder.startswith(followed["path"].removeprefix("./") + "/")
    assert followed["targetNamespace"] == place.namespace


def test_the_repository_of_promotions_says_what_serves_and_nothing_else(
    argo: dict[str, Object],
) -> None:
    source = argo["ratoon-models-flights"]["spec"]
    project = argo[source["project"]]["spec"]
    assert project["sourceRepos"] == [source["source"]["repoURL"]]
    assert project["destinations"] == [source["destination"]]
    assert project["clusterResourceWhitelist"] == []
    allowed = [{"group": "serving.kserve.io", "kind": "InferenceService"}]
    assert project["namespaceResourceWhitelist"] == allowed
    assert project["sourceRepos"] != argo["ratoon"]["spec"]["sourceRepos"]


@pytest.mark.parametrize("overlay", FOLLOWED, indirect=True)
def test_a_line_that_is_left_out_ends_no_namespace(objects: list[Object]) -> None:
    (namespace,) = (o for o in objects if o["kind"] == "Namespace")
    notes = namespace["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/sync-options"] == "Prune=false"
    assert notes["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


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
        assert f"{parse_manifest(text, name).model}.yaml" == name
