"""What a pod is told of the KFP installation that it belongs to."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.ops.schedule.kubeflow import KubeflowPipelines
from components.ops.schedule.kubeflow_http import Access, Http

VERSION, NAMESPACE = "RATOON_MONITOR_VERSION", "RATOON_NAMESPACE"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def monitor_version(environment: Mapping[str, str] = os.environ) -> str:
    """The name of the monitoring pipeline's version; empty: none is named."""
    return environment.get(VERSION, "").strip()


def own_namespace(environment: Mapping[str, str] = os.environ) -> str:
    """The namespace of this pod; empty outside a cluster."""
    told = environment.get(NAMESPACE, "").strip()
    if told or not _OWN_NAMESPACE.is_file():
        return told
    return _OWN_NAMESPACE.read_text(encoding="utf-8").strip()


@contextmanager
def kubeflow_pipelines(
    environment: Mapping[str, str] = os.environ,
) -> Iterator[KubeflowPipelines]:
    """KFP's API for as long as the context lasts; nothing is called by this alone.

    Raises:
        InputError: The environment names no URL.
    """
    http = Http(Access.of(environment))
    try:
        yield KubeflowPipelines(http)
    finally:
        http.close()
