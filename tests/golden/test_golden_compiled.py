"""The committed pipelines are what their source compiles to today."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import components

from components.core.errors import InputError
from pipelines import compile as compiling
from pipelines.document import Document
from pipelines.settings import FOLDER, SETTINGS, CompileSettings, read_settings

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("data", "model", "ops")
NAMES = ("train-and-deploy", "monitor")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return compiling.files_of(read_settings(FOLDER / SETTINGS))


def committed(name: str) -> Document:
    return Document.read((FOLDER / f"{name}.yaml").read_text())


def test_every_committed_file_is_what_compiles(files: dict[str, str]) -> None:
    found = {
        path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*.yaml")
    }
    # This one is written by hand: what is beside the objects is not for a cluster to apply.
    assert yaml.safe_load(found.pop("kustomization.yaml"))["resources"] == ["objects"]
    assert found == files


def test_the_checkout_is_compiled_for_images_of_this_machine() -> None:
    assert read_settings(FOLDER / SETTINGS) == CompileSettings()


def test_registry_and_tag_reach_every_image() -> None:
    for document in compiling.compile_pipelines(CompileSettings("registry.example.com/a", "1.2")):
        lines = document.text().splitlines()
        images = {line.split()[-1] for line in lines if line.strip().startswith("image:")}
        assert images == {f"registry.example.com/a/ratoon-{room}:1.2" for room in ROOMS}


@pytest.mark.parametrize("images", [("UPPER", "dev"), ("", "a b"), ("", ""), ("-x", "dev")])
def test_what_no_registry_takes_is_refused(images: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="accepted"):
        CompileSettings(*images)


def test_a_step_with_another_image_is_refused() -> None:
    executors = {"exec-a": {"container": {"image": "python:3.11"}}}
    other = Document("", {"deploymentSpec": {"executors": executors}}, {})
    with pytest.raises(InputError, match="base_image"):
        other.with_images(CompileSettings())


@pytest.mark.parametrize("name", NAMES)
def test_no_step_installs_anything(name: str) -> None:
    for executor in committed(name).spec["deploymentSpec"]["executors"].values():
        said = " ".join([*executor["container"]["command"], *executor["container"]["args"]])
        assert "executor_main" in said
        assert not [word for word in ("pip", "install", "curl", "apt") if word in said.split()]
        assert "pip install" not in said


@pytest.mark.parametrize("name", NAMES)
def test_kfp_reads_both_documents(name: str) -> None:
    loaded = components.load_component_from_file(str(FOLDER / f"{name}.yaml"))
    platform = loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors
    assert set(platform) == set(committed(name).spec["deploymentSpec"]["executors"])


def test_every_step_shows_something_on_the_dashboard() -> None:
    parts = committed("monitor").spec["components"]
    steps = {n: one for n, one in parts.items() if "executorLabel" in one}
    shown = {
        name: {
            artifact["artifactType"]["schemaTitle"]
            for artifact in one.get("outputDefinitions", {}).get("artifacts", {}).values()
        }
        for name, one in steps.items()
    }
    assert len(shown) == 11  # ten steps; plan stands in both pipelines
    assert not [n for n, types in shown.items() if not {"system.HTML", "system.Metrics"} & types]
    assert "system.ClassificationMetrics" in shown["comp-evaluate"]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_explains_itself(name: str) -> None:
    parameters: dict[str, Any] = committed(name).spec["root"]["inputDefinitions"]["parameters"]
    assert set(parameters) == {"model", "as_of", "target", "overlay"}
    assert all(len(one["description"]) > 20 for one in parameters.values())


def test_the_whole_training_is_nested_in_monitoring() -> None:
    sources = [
        {
            executor["container"]["command"][-1]
            for executor in committed(name).spec["deploymentSpec"]["executors"].values()
        }
        for name in NAMES
    ]
    assert sources[0] < sources[1]
