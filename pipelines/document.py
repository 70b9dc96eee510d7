"""A compiled pipeline: the graph, what it asks of a cluster, and the name of this very version."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from components.core.digest import digest_of
from components.core.errors import InputError
from pipelines.settings import CompileSettings

# The schedule step pins the recurring run to this version of the monitor, by name.
MONITOR_VERSION = "RATOON_MONITOR_VERSION"
UNNAMED = "to-be-named"
VOLUMES = "/mnt/pvc"
_DIGITS = 12
# Each type of KFP as a user meets it, and how its value is read from a command line's text.
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "STRING": ("a text", (str,)),
    "NUMBER_INTEGER": ("a whole number", (int,)),
    "NUMBER_DOUBLE": ("a number", (int, float)),
    "BOOLEAN": ("true or false", (bool,)),
    "LIST": ("a JSON list", (list,)),
    "STRUCT": ("a JSON object", (dict,)),
}


@dataclass(frozen=True)
class Document:
    """KFP's PipelineSpec and PlatformSpec (may be empty), and the comments at the file's head."""

    comments: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]

    @classmethod
    def read(cls, text: str) -> "Document":
        """Reads what `text` wrote.

        Raises:
            yaml.YAMLError: It is not YAML.
            ValueError: It holds no document.
        """
        comments = [line for line in text.splitlines(keepends=True) if line.startswith("#")]
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        spec, *platform = yaml.load_all(text, Loader=loader)
        return cls("".join(comments), spec, platform[0] if platform else {})

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def description(self) -> str:
        """The pipeline's description."""
        return str(self.spec["pipelineInfo"].get("description", ""))

    @property
    def version(self) -> str:
        """The pipeline's name and a digest of the whole document.

        The monitor names its own version; the digest is of the document without that name.
        """
        names_itself = self.variable(MONITOR_VERSION).startswith(f"{self.name}-")
        unnamed = self.with_variable(MONITOR_VERSION, UNNAMED) if names_itself else self
        digest = digest_of([unnamed.spec, unnamed.platform])[:_DIGITS]
        return f"{self.name}-{digest}"

    @property
    def steps(self) -> frozenset[str]:
        """The names of tasks that run in a pod of their own, however deeply nested."""
        return frozenset(name for name, _, _ in pod_tasks(self.spec))

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """Checks the parameters of a run and reads texts as the declared types.

        Raises:
            InputError: A name is unknown, a required one is missing, or a type is wrong.
        """
        declared = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        required = {name for name, one in declared.items() if not one.get("isOptional")}
        unknown, missing = sorted(set(given) - set(declared)), sorted(required - set(given))
        if unknown or missing:
            names = (f"{name} (required)" if name in required else name for name in declared)
            accepted = ", ".join(sorted(names)) or "none"
            do = "" if unknown else f"Give {', '.join(missing)}."
            raise InputError(f"parameters of {self.name}", unknown or sorted(given), accepted, do)
        return {
            name: _typed(name, value, declared[name]["parameterType"])
            for name, value in given.items()
        }

    def text(self) -> str:
        """The document as YAML, the same text each time."""
        parts = [self.spec, self.platform] if self.platform else [self.spec]
        return self.comments + yaml.safe_dump_all(parts, sort_keys=True, width=100)

    def with_images(self, settings: CompileSettings) -> "Document":
        """The document with every image's whole name.

        Raises:
            InputError: A step names an image that is not one of Ratoon's.
        """
        spec = deepcopy(dict(self.spec))
        for executor in spec["deploymentSpec"]["executors"].values():
            executor["container"]["image"] = settings.image(executor["container"]["image"])
        return replace(self, spec=spec)

    def variable(self, name: str) -> str:
        """The value of an environment variable of the steps; empty if none has it."""
        return next((v["value"] for v in _variables(self.spec) if v["name"] == name), "")

    def with_variable(self, name: str, value: str) -> "Document":
        """The document with another value of an environment variable, in each step that has it."""
        spec = deepcopy(dict(self.spec))
        for variable in _variables(spec):
            if variable["name"] == name:
                variable["value"] = value
        return replace(self, spec=spec)

    def with_claim(self, claim: str) -> "Document":
        """The document with a PersistentVolumeClaim at ``/mnt/pvc/<claim>`` of every step."""
        mount = {
            "mountPath": f"{VOLUMES}/{claim}",
            "constant": claim,
            "pvcNameParameter": {"runtimeValue": {"constant": claim}},
        }
        platform = deepcopy(dict(self.platform))
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for executor in executors.values():
            executor["pvcMount"] = [*executor.get("pvcMount", ()), mount]
        return replace(self, platform=platform)


def load_document(path: Path) -> Document:
    """Loads a compiled pipeline.

    Raises:
        InputError: The file is missing or is not a compiled pipeline.
    """
    try:
        document = Document.read(path.read_text(encoding="utf-8"))
        document.spec["pipelineInfo"]["name"], document.spec["root"], document.spec["components"]
    except (OSError, yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        raise InputError(str(path), str(error), "a compiled pipeline") from error
    return document


def pod_tasks(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each task that runs in a pod of its own: its name, its executor's label, its fields."""
    components = spec["components"]
    for graph in (spec["root"], *components.values()):
        for name, task in graph.get("dag", {}).get("tasks", {}).items():
            component = components[task["componentRef"]["name"]]
            if "executorLabel" in component:
                yield name, component["executorLabel"], task


def _typed(name: str, value: object, kind: str) -> object:
    accepted, types = _TYPES[kind]
    if isinstance(value, str) and str not in types:
        with suppress(json.JSONDecodeError):
            value = json.loads(value)
    # bool is an int to Python, but not to a reader.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise InputError(f"parameter {name}", value, accepted)
    return value


def _variables(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for executor in spec["deploymentSpec"]["executors"].values():
        yield from executor["container"].get("env", ())
