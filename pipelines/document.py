"""A compiled pipeline: the graph, what it asks of a cluster, and the name of this very version."""

import tempfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.dsl.base_component import BaseComponent
from kfp.kubernetes import kubernetes_executor_config_pb2 as pb

from components.core.digest import digest_of
from pipelines.images import Images

# The schedule step pins the recurring run to this version of the monitor, by name.
MONITOR_VERSION = "RATOON_MONITOR_VERSION"
TO_BE_NAMED = "to-be-named"
VOLUMES = "/mnt/pvc"
_DIGITS = 12


@dataclass(frozen=True)
class Document:
    """The two documents that KFP compiles a pipeline to.

    Attributes:
        comments: What the file says to people first.
        spec: KFP's PipelineSpec.
        platform: KFP's PlatformSpec: resources of Kubernetes by executor; empty where none.
    """

    comments: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]

    @classmethod
    def of(cls, pipeline: BaseComponent) -> "Document":
        """Compiles a pipeline."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pipeline.yaml"
            compiler.Compiler().compile(pipeline, str(file))
            return cls.read(file.read_text(encoding="utf-8"))

    @classmethod
    def read(cls, text: str) -> "Document":
        """Reads what `text` wrote.

        Raises:
            yaml.YAMLError: It is no YAML.
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
        """What the pipeline says of itself."""
        return str(self.spec["pipelineInfo"].get("description", ""))

    @property
    def version(self) -> str:
        """The pipeline's name and a digest of the whole document.

        The monitor holds its own version's name; the digest is of the document without it.
        """
        names_itself = self.variable(MONITOR_VERSION).startswith(f"{self.name}-")
        told = self.with_variable(MONITOR_VERSION, TO_BE_NAMED) if names_itself else self
        digest = digest_of([told.spec, told.platform])[:_DIGITS]
        return f"{self.name}-{digest}"

    @property
    def steps(self) -> frozenset[str]:
        """The names of tasks that run in a pod of their own, however deeply nested."""
        parts = self.spec["components"]
        graphs = [self.spec["root"], *parts.values()]
        tasks = [item for one in graphs for item in one.get("dag", {}).get("tasks", {}).items()]
        return frozenset(
            name for name, task in tasks if "executorLabel" in parts[task["componentRef"]["name"]]
        )

    def text(self) -> str:
        """The document as YAML, the same text each time."""
        parts = [self.spec, self.platform] if self.platform else [self.spec]
        return self.comments + yaml.safe_dump_all(parts, sort_keys=True, width=100)

    def with_images(self, images: Images) -> "Document":
        """The document with every image's whole name.

        Raises:
            InputError: A step names an image that is none of ours.
        """
        return replace(self, spec=images.placed(self.spec))

    def variable(self, name: str) -> str:
        """The value that steps are given for an environment variable; empty where none is."""
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
        mount = pb.PvcMount(mount_path=f"{VOLUMES}/{claim}", constant=claim)
        mount.pvc_name_parameter.runtime_value.constant.string_value = claim
        platform = deepcopy(dict(self.platform))
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for name, fields in executors.items():
            config = json_format.ParseDict(fields, pb.KubernetesExecutorConfig())
            config.pvc_mount.append(mount)
            executors[name] = json_format.MessageToDict(config)
        return replace(self, platform=platform)


def _variables(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for executor in spec["deploymentSpec"]["executors"].values():
        yield from executor["container"].get("env", ())
