"""Kubeflow Pipelines as a person uses it: upload a version, start a run, read it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import InputError
from components.ops.kubeflow.api import KfpApi, find_named
from components.ops.kubeflow.http_client import KfpConfig, KfpHttpClient

DEFAULT_ENDPOINT = "http://localhost:8080"
UI_ENDPOINT = "KF_PIPELINES_UI_ENDPOINT"


@dataclass(frozen=True)
class UploadedVersion:
    """A pipeline's version at the server."""

    pipeline_id: str
    version_id: str
    is_new: bool


class KfpServer:
    """One KFP installation.

    Args:
        namespace: The namespace that runs belong to; empty if KFP has only one.
    """

    def __init__(self, api: KfpApi, namespace: str) -> None:
        self._api, self.namespace = api, namespace

    def upload(self, file: Path, pipeline: str, version: str, description: str) -> UploadedVersion:
        """Makes sure that a version exists; idempotent."""
        found = find_named(self._api.pipelines(self.namespace), pipeline)
        if found is None:
            pipeline_id = self._api.create_pipeline(pipeline, description, self.namespace)
        else:
            pipeline_id = str(found["pipeline_id"])
        known = find_named(self._api.versions(pipeline_id), version)
        if known is not None:
            return UploadedVersion(pipeline_id, str(known["pipeline_version_id"]), is_new=False)
        version_id = self._api.upload_version(pipeline_id, version, description, file)
        return UploadedVersion(pipeline_id, version_id, is_new=True)

    def start(
        self,
        uploaded: UploadedVersion,
        parameters: Mapping[str, str],
        name: str,
        experiment: str,
        service_account: str,
    ) -> str:
        """Starts a run in an experiment, which is created if it is missing; its id."""
        experiment_id = self._api.experiment_id(experiment, self.namespace)
        body = {
            "display_name": name,
            "experiment_id": experiment_id
            or self._api.create_experiment(experiment, self.namespace),
            "pipeline_version_reference": {
                "pipeline_id": uploaded.pipeline_id,
                "pipeline_version_id": uploaded.version_id,
            },
            "runtime_config": {"parameters": dict(parameters)},
            "service_account": service_account,
        }
        # Sent twice it would be two runs.
        return str(self._api.http.call("POST", "/runs", body=body, repeatable=False)["run_id"])

    def run(self, run_id: str) -> Mapping[str, Any]:
        """A run as it is now: KFP's V2beta1Run."""
        return self._api.http.call("GET", f"/runs/{run_id}")

    def link(self, run_id: str) -> str:
        """The run's page on the dashboard."""
        dashboard = os.environ.get(UI_ENDPOINT, "").rstrip("/") or self._api.http.config.endpoint
        return f"{dashboard}/#/runs/details/{run_id}"


@contextmanager
def connect_server(endpoint: str, namespace: str = "") -> Iterator[KfpServer]:
    """A KFP installation that answered, for as long as the context lasts.

    Raises:
        InputError: The endpoint is not a URL, or the installation needs a namespace.
        ApiUnavailable: Nothing answers there.
        ApiRejected: It does not let the caller in.
    """
    with closing(KfpHttpClient(KfpConfig.of_person(endpoint))) as http:
        api = KfpApi(http)
        if api.is_multi_user() and not namespace:
            accepted = "the namespace of your profile: this Kubeflow has several users"
            raise InputError("NAMESPACE", "nothing", accepted)
        yield KfpServer(api, namespace)
