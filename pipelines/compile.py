"""Compiles both pipelines: YAML for dashboard and laptop, objects for kubectl and GitOps.

The objects are for KFP's Kubernetes-native store (KFP 2.14 and newer).
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler
from kfp.dsl.base_component import BaseComponent

from pipelines.document import MONITOR_VERSION, Document
from pipelines.monitor import monitor
from pipelines.settings import SETTINGS, CompileSettings
from pipelines.steps import configured
from pipelines.train_and_deploy import train_and_deploy

PIPELINES: tuple[BaseComponent, ...] = (train_and_deploy, monitor)
OBJECTS = "objects"
API_VERSION = "pipelines.kubeflow.org/v2beta1"
# The ConfigMap that says which version of each pipeline is installed.
VERSIONS = "ratoon-pipelines"
# A recurring run may still be pinned to a version that git no longer names: GitOps leaves it.
_KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
# KFP refuses a version whose pipeline is not there yet.
_AFTER_ITS_PIPELINE = {"argocd.argoproj.io/sync-wave": "1"}
_WRITTEN_BY = "# Written by `"
_GENERATED = f"{_WRITTEN_BY}ratoon compile`; it removes what it no longer writes.\n"


@dataclass(frozen=True)
class CompiledFiles:
    """What compiling makes of a folder.

    Attributes:
        stale: Which files are missing or differ today.
        leftovers: Files that an earlier compilation wrote and this one does not.
    """

    texts: Mapping[Path, str]
    stale: tuple[Path, ...]
    leftovers: tuple[Path, ...]

    def write(self) -> None:
        """Writes every file and removes the leftovers."""
        for file, text in self.texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for file in self.leftovers:
            file.unlink()


def compile_into(folder: Path, settings: CompileSettings) -> CompiledFiles:
    """Compiles both pipelines for a folder; writes nothing yet.

    Raises:
        InputError: A step is not in the table of steps, or names an image that is not Ratoon's.
    """
    texts = {folder / name: text for name, text in files_of(settings).items()}
    stale = (f for f, text in texts.items() if not f.exists() or f.read_text("utf-8") != text)
    written = sorted((folder / OBJECTS).glob("*.yaml"))
    ours = (file for file in written if file.read_text("utf-8").startswith(_WRITTEN_BY))
    return CompiledFiles(texts, tuple(stale), tuple(file for file in ours if file not in texts))


def compile_pipelines(settings: CompileSettings) -> tuple[Document, ...]:
    """Compiles both pipelines to the same documents each time.

    Raises:
        InputError: A step is not in the table of steps, or names an image that is not Ratoon's.
    """
    documents = [_compile(pipeline, settings) for pipeline in PIPELINES]
    (version,) = (one.version for one in documents if one.name == monitor.name)
    return tuple(one.with_variable(MONITOR_VERSION, version) for one in documents)


def files_of(settings: CompileSettings) -> dict[str, str]:
    """Every file that compiling writes, by its path in the folder."""
    documents = compile_pipelines(settings)
    objects: dict[str, str] = {}
    for one in documents:
        # The pipeline before its version.
        spec = {"displayName": one.name, "description": one.description}
        objects[f"{one.name}.yaml"] = _object("Pipeline", spec, name=one.name)
        objects[f"{one.version}.yaml"] = _version(one, settings.tag)
    versions = {one.name: one.version for one in documents}
    return {
        **{f"{one.name}.yaml": one.text() for one in documents},
        **{f"{OBJECTS}/{name}": text for name, text in objects.items()},
        f"{OBJECTS}/kustomization.yaml": _kustomization(list(objects), versions),
        SETTINGS: settings.text(),
    }


def _compile(pipeline: BaseComponent, settings: CompileSettings) -> Document:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        document = configured(Document.read(file.read_text(encoding="utf-8")))
    document = document.with_images(settings)
    return document.with_claim(settings.claim) if settings.claim else document


def _kustomization(files: list[str], versions: Mapping[str, str]) -> str:
    """The kustomization of the objects; its ConfigMap is for the Job that pins recurring runs."""
    named = [f"{pipeline}={version}" for pipeline, version in sorted(versions.items())]
    fields = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files,
        "configMapGenerator": [{"name": VERSIONS, "literals": named}],
    }
    return _text(fields)


def _version(document: Document, tag: str) -> str:
    digest = document.version.removeprefix(f"{document.name}-")
    spec = {
        "displayName": f"{tag} ({digest})",
        "description": document.description,
        "pipelineName": document.name,
        "pipelineSpec": document.spec,
        "platformSpec": document.platform,
    }
    annotations = {**_KEPT, **_AFTER_ITS_PIPELINE}
    return _object("PipelineVersion", spec, name=document.version, annotations=annotations)


def _object(kind: str, spec: Mapping[str, Any], **metadata: object) -> str:
    return _text({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec})


def _text(fields: Mapping[str, Any]) -> str:
    return _GENERATED + yaml.safe_dump(fields, sort_keys=True, width=100)
