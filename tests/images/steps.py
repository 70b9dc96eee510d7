"""The steps of the compiled pipelines, as the launcher of Kubeflow starts them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.images.dockerfile import ROOT

NOWHERE = "/tmp/inputs"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: Its name in the pipeline.
        room: The image that it runs in.
        command: What process it is, with the inputs of a run that has lost them.
    """

    name: str
    room: str
    command: list[str]


def steps() -> list[Step]:
    """Every step of every pipeline, once."""
    files = sorted((ROOT / "manifests/pipelines").glob("*.yaml"))
    found = {step.name: step for file in files for step in _steps_of(file)}
    return [found[name] for name in sorted(found)]


def _steps_of(file: Path) -> Iterator[Step]:
    for document in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
        if document and "deploymentSpec" in document:
            yield from _steps(document)


def _steps(document: dict[str, Any]) -> Iterator[Step]:
    executors = document["deploymentSpec"]["executors"]
    for component in document["components"].values():
        executor = executors.get(component.get("executorLabel"))
        if executor:
            container = executor["container"]
            given = json.dumps(_input(component))
            words = [*container["command"], *container["args"]]
            name = words[words.index("--function_to_execute") + 1]
            room = container["image"].partition("ratoon-")[2].partition(":")[0]
            yield Step(name, room, [given if word == "{{$}}" else word for word in words])


def _input(component: dict[str, Any]) -> dict[str, Any]:
    wanted, made = component.get("inputDefinitions", {}), component.get("outputDefinitions", {})
    outputs = {name: _artifacts("/tmp/outputs", name, d) for name, d in _of(made, "artifacts")}
    return {
        "inputs": {
            "parameterValues": {name: "nothing" for name, _ in _of(wanted, "parameters")},
            "artifacts": {
                name: _artifacts(NOWHERE, name, d) for name, d in _of(wanted, "artifacts")
            },
        },
        "outputs": {
            "artifacts": outputs,
            "parameters": {
                name: {"outputFile": f"/tmp/outputs/{name}"} for name, _ in _of(made, "parameters")
            },
            "outputFile": "/tmp/outputs/executor_output.json",
        },
    }


def _of(definitions: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from definitions.get(kind, {}).items()


def _artifacts(folder: str, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    kind = definition["artifactType"]
    return {"artifacts": [{"name": name, "type": kind, "uri": f"{folder}/{name}", "metadata": {}}]}
