"""Pipelines as Kubernetes objects: valid, immutable by name, small enough to be applied."""

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipelines import compile as compiling
from pipelines.document import MONITOR_VERSION, Document
from pipelines.settings import FOLDER, CompileSettings
from tests.needs import skip_or_fail

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = FOLDER / compiling.OBJECTS
CRDS = Path(os.environ.get("RATOON_CRDS", ROOT.parent / "shared" / "crds"))
# What client-side `kubectl apply` can write into its annotation; etcd takes six times as much.
LARGEST_ANNOTATION_BYTES = 256 * 1024


def committed() -> dict[str, dict[str, Any]]:
    (kustomization,) = OBJECTS.glob("kustomization.yaml")
    names = yaml.safe_load(kustomization.read_text())["resources"]
    return {name: yaml.safe_load((OBJECTS / name).read_text()) for name in names}


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in committed().values() if one["kind"] == kind]


def test_the_kustomization_names_every_object_once() -> None:
    files = {path.name for path in OBJECTS.iterdir()} - {"kustomization.yaml"}
    assert files == set(committed())
    assert len(files) == 4


def test_each_file_is_named_by_its_object() -> None:
    for name, one in committed().items():
        assert name == f"{one['metadata']['name']}.yaml"


def test_a_pipeline_is_applied_before_its_version() -> None:
    """KFP refuses a version whose pipeline is not there."""
    seen: set[str] = set()
    for one in committed().values():
        if one["kind"] == "Pipeline":
            seen.add(one["metadata"]["name"])
        else:
            assert one["spec"]["pipelineName"] in seen
            assert one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == "1"


@pytest.mark.parametrize("plural", ["pipelines", "pipelineversions"])
def test_the_objects_are_valid(plural: str) -> None:
    if not CRDS.is_dir():
        skip_or_fail("no folder of CRDs; RATOON_CRDS names one")
    crd = yaml.safe_load((CRDS / f"pipelines.kubeflow.org_{plural}.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    objects = of_kind(crd["spec"]["names"]["kind"])
    assert len(objects) == 2
    for one in objects:
        assert one["apiVersion"] == f"{crd['spec']['group']}/{version['name']}"
        jsonschema.validate(one, schema)
        # A field that the schema does not know would be dropped without a word.
        assert set(one["spec"]) <= set(schema["properties"]["spec"]["properties"])


def test_a_version_holds_what_the_dashboard_is_given() -> None:
    for one in of_kind("PipelineVersion"):
        file = FOLDER / f"{one['spec']['pipelineName']}.yaml"
        document = Document.read(file.read_text())
        assert one["metadata"]["name"] == document.version
        assert one["spec"]["pipelineSpec"] == document.spec
        assert one["spec"]["platformSpec"] == document.platform
        assert re.fullmatch(r"dev \([0-9a-f]{12}\)", one["spec"]["displayName"])


def test_every_object_fits_the_annotation_of_kubectl_apply() -> None:
    for name, one in committed().items():
        assert len(json.dumps(one)) < LARGEST_ANNOTATION_BYTES / 2, name


def test_git_ops_does_not_take_away_a_version_that_a_recurring_run_may_be_pinned_to() -> None:
    for one in of_kind("PipelineVersion"):
        annotations = one["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false"
        assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


@pytest.mark.parametrize(
    "settings",
    [
        CompileSettings(tag="2"),
        CompileSettings(registry="r.example"),
        CompileSettings(claim="data"),
    ],
)
def test_other_content_is_another_version(settings: CompileSettings) -> None:
    before, after = (
        compiling.compile_pipelines(CompileSettings()),
        compiling.compile_pipelines(settings),
    )
    assert not {one.version for one in before} & {one.version for one in after}


def test_the_monitor_knows_its_own_name() -> None:
    train, monitor = compiling.compile_pipelines(CompileSettings())
    assert (train.name, monitor.name) == ("train-and-deploy", "monitor")
    assert re.fullmatch(r"monitor-[0-9a-f]{12}", monitor.version)
    assert train.variable(MONITOR_VERSION) == monitor.variable(MONITOR_VERSION) == monitor.version


def test_another_monitor_makes_another_training_pipeline_too() -> None:
    train, monitor = compiling.compile_pipelines(CompileSettings())
    other = monitor.with_variable(MONITOR_VERSION, "monitor-000000000000")
    assert other.version == monitor.version, "its own name is no part of its digest"
    pinned = train.with_variable(MONITOR_VERSION, "monitor-000000000000")
    assert pinned.version != train.version, "the name of another is"
