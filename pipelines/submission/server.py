"""What a person's command asks of Kubeflow Pipelines: upload, start, look."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kfp_server_api

from components.core.errors import InputError
from pipelines.submission.client import answering, connect

UI_ENDPOINT = "KF_PIPELINES_UI_ENDPOINT"
_PAGE = 100


@dataclass(frozen=True)
class Uploaded:
    """A pipeline's version at the server.

    Attributes:
        pipeline_id: The pipeline.
        version_id: The version.
        is_new: Whether it was uploaded just now.
    """

    pipeline_id: str
    version_id: str
    is_new: bool


class KfpServer:
    """One KFP installation.

    Args:
        endpoint: Its URL, such as http://localhost:8080.
        namespace: The namespace that runs belong to; empty where KFP has only one.

    Raises:
        InputError: The endpoint is no URL, or the installation needs a namespace.
        ApiUnavailable: Nothing answers there.
        ApiRejected: It does not let the caller in.
    """

    def __init__(self, endpoint: str, namespace: str = "") -> None:
        self._client = connect(endpoint, namespace)
        self.endpoint, self.namespace = endpoint.rstrip("/"), namespace

    def upload(self, file: Path, pipeline: str, version: str, description: str) -> Uploaded:
        """Makes sure that a version is there; the same one twice is the same as once.

        Args:
            file: The compiled pipeline.
            pipeline: The pipeline's name.
            version: The version's name, which says what is in it.
            description: What the pipeline says of itself.
        """
        with answering(self.endpoint, "pipelines"):
            pipeline_id = self._pipeline(pipeline) or self._new_pipeline(pipeline, description)
            found = self._version(pipeline_id, version)
            if found:
                return Uploaded(pipeline_id, found, is_new=False)
            made = self._client.upload_pipeline_version(
                str(file), version, pipeline_id=pipeline_id, description=description
            )
            return Uploaded(pipeline_id, self._known(made.pipeline_version_id), is_new=True)

    def start(
        self,
        uploaded: Uploaded,
        parameters: Mapping[str, str],
        name: str,
        experiment: str,
        account: str,
    ) -> str:
        """Starts a run.

        Args:
            uploaded: What to run.
            parameters: Its parameters.
            name: What the dashboard calls the run.
            experiment: Where the dashboard shows it; made where it is missing.
            account: The service account of its pods.

        Returns:
            The run's id.
        """
        with answering(self.endpoint, "runs"):
            place = self._client.create_experiment(experiment, namespace=self.namespace or None)
            run = self._client.run_pipeline(
                self._known(place.experiment_id),
                name,
                params=dict(parameters),
                pipeline_id=uploaded.pipeline_id,
                version_id=uploaded.version_id,
                service_account=account,
            )
            return self._known(run.run_id)

    def run(self, run_id: str) -> Any:
        """A run as it is now: KFP's V2beta1Run."""
        with answering(self.endpoint, f"runs/{run_id}"):
            found = self._client.get_run(run_id)
            self._known(found.run_id)
            return found

    def link(self, run_id: str) -> str:
        """The run's page on the dashboard."""
        dashboard = os.environ.get(UI_ENDPOINT, "").rstrip("/") or self.endpoint
        return f"{dashboard}/#/runs/details/{run_id}"

    def _pipeline(self, name: str) -> str:
        for row in self._pages("pipelines", self._client.list_pipelines, namespace=self.namespace):
            if name in (row.name, row.display_name):
                return str(row.pipeline_id)
        return ""

    def _new_pipeline(self, name: str, description: str) -> str:
        # The SDK's upload_pipeline would make a version beside it, named like the pipeline.
        body = kfp_server_api.V2beta1Pipeline(
            display_name=name,
            name=name,
            description=description,
            namespace=self.namespace or None,
        )
        made = self._client.pipelines.pipeline_service_create_pipeline(body)
        return self._known(made.pipeline_id)

    def _version(self, pipeline_id: str, name: str) -> str:
        listed = self._client.list_pipeline_versions
        for row in self._pages("pipeline_versions", listed, pipeline_id=pipeline_id):
            if name in (row.name, row.display_name):
                return str(row.pipeline_version_id)
        return ""

    def _pages(self, field: str, listed: Any, **asked: str) -> Iterator[Any]:
        token = ""
        while True:
            page = listed(page_token=token, page_size=_PAGE, **asked)
            yield from getattr(page, field) or ()
            token = page.next_page_token or ""
            if not token:
                return

    def _known(self, identity: str | None) -> str:
        """An id that the server gave; a page for people in its place has none."""
        if not identity:
            accepted = "the API of Kubeflow Pipelines, or its dashboard"
            do = "What answers there may be a page to log in at: give a token."
            raise InputError("ENDPOINT", self.endpoint, accepted, do)
        return identity
