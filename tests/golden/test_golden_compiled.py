"""What is generated and committed is what its source makes today."""

from pathlib import Path

import pytest
import yaml

from components.core.behaviour import load_behaviour
from components.core.errors import InputError
from components.core.spec.json_schema import spec_json_schema
from pipelines import compile as compiling
from pipelines.images import Images
from pipelines.reference import (
    BEHAVIOUR,
    JSON_SCHEMA,
    REFERENCE,
    behaviour_reference,
    reference,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("pipeline", compiling.PIPELINES, ids=lambda p: p.name)
def test_the_committed_pipeline_is_what_compiles(pipeline) -> None:
    committed = (ROOT / compiling.FOLDER / f"{pipeline.name}.yaml").read_text()
    assert compiling.compiled(pipeline, Images()) == committed


def test_registry_and_tag_reach_every_image() -> None:
    text = compiling.compiled(compiling.PIPELINES[1], Images("registry.example.com/a", "1.2"))
    images = {line.split()[-1] for line in text.splitlines() if line.strip().startswith("image:")}
    rooms = ("data", "model", "ops")
    assert images == {f"registry.example.com/a/ratoon-{room}:1.2" for room in rooms}


@pytest.mark.parametrize("images", [("UPPER", "dev"), ("", "a b"), ("", ""), ("-x", "dev")])
def test_what_no_registry_takes_is_refused(images: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="accepted"):
        Images(*images)


def test_a_step_with_another_image_is_refused() -> None:
    with pytest.raises(InputError, match="base_image"):
        Images().placed({"container": {"image": "python:3.11"}})


def test_no_step_installs_anything() -> None:
    for pipeline in compiling.PIPELINES:
        text = compiling.compiled(pipeline, Images())
        assert "pip install" not in text


def test_every_step_shows_something_on_the_dashboard() -> None:
    document = yaml.safe_load((ROOT / compiling.FOLDER / "monitor.yaml").read_text())
    steps = {n: one for n, one in document["components"].items() if "executorLabel" in one}
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


def test_every_parameter_explains_itself() -> None:
    for pipeline in compiling.PIPELINES:
        document = yaml.safe_load(compiling.compiled(pipeline, Images()))
        parameters = document["root"]["inputDefinitions"]["parameters"]
        assert set(parameters) == {"model", "as_of", "target", "overlay"}
        assert all(len(one["description"]) > 20 for one in parameters.values())


def test_steps_that_read_the_world_are_never_cached() -> None:
    document = yaml.safe_load((ROOT / compiling.FOLDER / "monitor.yaml").read_text())
    dags = [document["root"], *document["components"].values()]
    tasks = {
        (name, task["componentRef"]["name"]): task.get("cachingOptions")
        for dag in dags
        for name, task in dag.get("dag", {}).get("tasks", {}).items()
    }
    world = {
        "plan",
        "train-and-deploy",
        "prepare",
        "observe",
        "monitor",
        "deploy",
        "rollout",
        "schedule",
    }
    found = [(name, options) for (name, _), options in tasks.items() if name in world]
    assert {name for name, _ in found} == world
    assert all(options == {} for _, options in found)


def test_the_whole_training_is_nested_in_monitoring() -> None:
    documents = [
        yaml.safe_load((ROOT / compiling.FOLDER / f"{name}.yaml").read_text())
        for name in ("train-and-deploy", "monitor")
    ]
    steps = [
        {
            executor["container"]["command"][-1]
            for executor in one["deploymentSpec"]["executors"].values()
        }
        for one in documents
    ]
    assert steps[0] <= steps[1]


def test_the_references_are_fresh() -> None:
    assert (ROOT / REFERENCE).read_text() == reference(spec_json_schema())
    assert (ROOT / BEHAVIOUR).read_text() == behaviour_reference()


def test_the_example_of_behaviour_tests_is_one() -> None:
    example = (ROOT / BEHAVIOUR).read_text().split("```")[1].removeprefix("yaml\n")
    tests = load_behaviour(example, "the example")
    assert (len(tests.invariance), len(tests.direction), len(tests.minimum)) == (1, 2, 2)


def test_the_reference_names_every_field() -> None:
    schema = spec_json_schema()
    text = (ROOT / REFERENCE).read_text()
    parts = [schema, *schema["$defs"].values()]
    fields = [field for part in parts for field in part.get("properties", ())]
    assert fields
    assert all(f"| `{field}` |" in text for field in fields)
    assert (ROOT / JSON_SCHEMA).exists()
