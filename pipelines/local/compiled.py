"""A compiled pipeline document as kfp's local orchestration wants it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.local.utils import struct_to_executor_spec
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.errors import InputError

_TYPE = pb.ParameterType.ParameterTypeEnum
# Each type as a user meets it, and how its value is read from text such as a command line's.
_TYPES: dict[int, tuple[str, tuple[type, ...]]] = {
    _TYPE.STRING: ("a text", (str,)),
    _TYPE.NUMBER_INTEGER: ("a whole number", (int,)),
    _TYPE.NUMBER_DOUBLE: ("a number", (int, float)),
    _TYPE.BOOLEAN: ("true or false", (bool,)),
    _TYPE.LIST: ("a JSON list", (list,)),
    _TYPE.STRUCT: ("a JSON object", (dict,)),
}


@dataclass(frozen=True)
class CompiledPipeline:
    """One compiled pipeline: its root graph and all components, however deeply nested."""

    name: str
    root: pb.ComponentSpec
    components: dict[str, pb.ComponentSpec]
    executors: dict[str, pb.PipelineDeploymentConfig.ExecutorSpec]

    def images(self) -> list[str]:
        """Lists every image that some step may run in."""
        containers = (executor.container for executor in self.executors.values())
        return sorted({container.image for container in containers if container.image})

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """Checks the parameters of a run and reads texts as the types that are declared.

        Raises:
            InputError: A name is unknown, a required one is missing, or a type is wrong.
        """
        declared = self.root.input_definitions.parameters
        accepted = ", ".join(
            name if spec.is_optional else f"{name} (required)"
            for name, spec in sorted(declared.items())
        )
        unknown = sorted(set(given) - set(declared))
        required = {name for name, spec in declared.items() if not spec.is_optional}
        missing = sorted(required - set(given))
        if unknown or missing:
            given_names = unknown or sorted(given)
            do = "" if unknown else f"Give {', '.join(missing)}."
            raise InputError(f"parameters of {self.name}", given_names, accepted or "none", do)
        return {
            name: _read(name, value, declared[name].parameter_type) for name, value in given.items()
        }


def load_pipeline(path: Path) -> CompiledPipeline:
    """Loads a compiled pipeline; a second document (Kubernetes settings) has no meaning here.

    Raises:
        InputError: The file is missing or is no compiled pipeline.
    """
    try:
        documents = list(yaml.load_all(path.read_text(), Loader=_loader()))
        spec = json_format.ParseDict(documents[0], pb.PipelineSpec())
    except (OSError, yaml.YAMLError, json_format.ParseError, IndexError) as error:
        raise InputError(str(path), str(error), "a compiled pipeline") from error
    components = dict(spec.components.items())
    for graph in (spec.root, *components.values()):
        _give_optional_inputs_a_default(graph)
    executors = dict(spec.deployment_spec.items()).get("executors", {})
    return CompiledPipeline(
        name=spec.pipeline_info.name,
        root=spec.root,
        components=components,
        executors={name: struct_to_executor_spec(value) for name, value in executors.items()},
    )


def _loader() -> Any:
    # The C parser reads a large document ten times faster.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _give_optional_inputs_a_default(graph: pb.ComponentSpec) -> None:
    # kfp reads the default of every graph input that was not given, and fails where none is set.
    if graph.WhichOneof("implementation") != "dag":
        return
    for spec in graph.input_definitions.parameters.values():
        if spec.is_optional and not spec.HasField("default_value"):
            spec.default_value.null_value = 0


def _read(name: str, value: object, kind: int) -> object:
    wanted, types = _TYPES[kind]
    if isinstance(value, str) and str not in types:
        value = _read_text(value)
    # bool is an int to Python, but not to a reader.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise InputError(f"parameter {name}", value, wanted)
    return value


def _read_text(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
