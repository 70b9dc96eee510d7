"""Pipelines as Kubernetes objects, for KFP's Kubernetes-native store (KFP 2.14 and newer)."""

from collections.abc import Mapping
from typing import Any

import yaml

from pipelines.document import Document

API_VERSION = "pipelines.kubeflow.org/v2beta1"
KUSTOMIZATION = "kustomization.yaml"
# The ConfigMap that says which version of each pipeline is installed.
VERSIONS = "ratoon-pipelines"
# A recurring run may still be pinned to a version that git no longer names: GitOps leaves it.
_KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
# KFP refuses a version whose pipeline is not there yet.
_AFTER_ITS_PIPELINE = {"argocd.argoproj.io/sync-wave": "1"}
_GENERATED = "# Written by `make compile`; it removes what it no longer writes.\n"


def object_files(document: Document, tag: str) -> dict[str, str]:
    """The two objects of a pipeline.

    Args:
        document: The compiled pipeline, its version's own name in it.
        tag: The images' tag, for people.

    Returns:
        Name of a file to its text, the pipeline before its version.
    """
    written = {"": _pipeline(document), document.version: _version(document, tag)}
    return {f"{name or document.name}.yaml": _text(fields) for name, fields in written.items()}


def kustomization(files: list[str], versions: Mapping[str, str]) -> str:
    """The kustomization of a folder of objects, in this order.

    Args:
        files: The objects' files.
        versions: Pipeline to the name of its version, for the Job that pins recurring runs to it.
    """
    named = [f"{pipeline}={version}" for pipeline, version in sorted(versions.items())]
    fields = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files,
        "configMapGenerator": [{"name": VERSIONS, "literals": named}],
    }
    return _text(fields)


def is_ours(text: str) -> bool:
    """Whether `make compile` wrote a file, so that it may remove it."""
    return text.startswith(_GENERATED)


def _pipeline(document: Document) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Pipeline",
        "metadata": {"name": document.name},
        "spec": {"displayName": document.name, "description": document.description},
    }


def _version(document: Document, tag: str) -> dict[str, Any]:
    digest = document.version.removeprefix(f"{document.name}-")
    return {
        "apiVersion": API_VERSION,
        "kind": "PipelineVersion",
        "metadata": {"name": document.version, "annotations": {**_KEPT, **_AFTER_ITS_PIPELINE}},
        "spec": {
            "displayName": f"{tag} ({digest})",
            "description": document.description,
            "pipelineName": document.name,
            "pipelineSpec": document.spec,
            "platformSpec": document.platform,
        },
    }


def _text(fields: Mapping[str, Any]) -> str:
    return _GENERATED + yaml.safe_dump(fields, sort_keys=True, width=100)
