"""What a pod is told of the KFP installation that it belongs to."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.ops.schedule.declared import Surroundings
from components.ops.schedule.kubeflow import KubeflowPipelines
from components.ops.schedule.kubeflow_http import Access, Http

VERSION, NAMESPACE, OVERLAY = "RATOON_MONITOR_VERSION", "RATOON_NAMESPACE", "RATOON_OVERLAY"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def surroundings(environment: Mapping[str, str] = os.environ) -> Surroundings:
    """What the environment says, for what a declaration leaves open."""
    namespace = environment.get(NAMESPACE, "").strip()
    if not namespace and _OWN_NAMESPACE.is_file():
        namespace = _OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    version, overlay = environment.get(VERSION, "").strip(), environment.get(OVERLAY, "").strip()
    return Surroundings(version, namespace, overlay)


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
