"""What we need of KFP's REST API, v2beta1 (KFP 2.16 and newer).

Paths and bodies: kubeflow/pipelines, backend/api/v2beta1 (pipeline.proto, experiment.proto,
run.proto). In a multi-user installation its calls need rights on ``pipelines.kubeflow.org``.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.core.errors import ApiRejected
from components.ops.kubeflow.http_client import KfpAlreadyExists, KfpHttpClient

Row = Mapping[str, Any]
_PAGE = 200


class KfpApi:
    """One KFP installation."""

    def __init__(self, http: KfpHttpClient) -> None:
        self.http = http

    def is_multi_user(self) -> bool:
        """Whether it tells namespaces apart."""
        return bool(self.http.call("GET", "/healthz").get("multi_user", False))

    def pipelines(self, namespace: str, shared: bool = False) -> list[Row]:
        """The pipelines of a namespace; with `shared`, also those of none where there are such."""
        rows = list(self.pages("/pipelines", "pipelines", {"namespace": namespace}))
        if namespace and shared:
            try:
                rows += self.pages("/pipelines", "pipelines", {})
            except ApiRejected:  # one that keeps every pipeline in a namespace rejects the call
                return rows
        return rows

    def versions(self, pipeline_id: str) -> list[Row]:
        """The versions of a pipeline, newest first."""
        path, query = f"/pipelines/{pipeline_id}/versions", {"sort_by": "created_at desc"}
        return list(self.pages(path, "pipeline_versions", query))

    def experiment_id(self, name: str, namespace: str) -> str:
        """The id of an experiment; empty if there is none."""
        rows = self.pages("/experiments", "experiments", {"namespace": namespace})
        found = find_named(list(rows), name)
        return str(found["experiment_id"]) if found else ""

    def create_experiment(self, name: str, namespace: str) -> str:
        """Creates an experiment if it is missing; its id."""
        body = {"display_name": name, **({"namespace": namespace} if namespace else {})}
        try:
            return str(self.http.call("POST", "/experiments", body=body)["experiment_id"])
        except KfpAlreadyExists:  # another process was faster
            return self.experiment_id(name, namespace)

    def create_pipeline(self, name: str, description: str, namespace: str) -> str:
        """Creates a pipeline without a version if it is missing; its id."""
        body = {"name": name, "display_name": name, "description": description}
        body |= {"namespace": namespace} if namespace else {}
        try:
            return str(self.http.call("POST", "/pipelines", body=body)["pipeline_id"])
        except KfpAlreadyExists:
            found = find_named(self.pipelines(namespace), name)
            if found is None:
                raise
            return str(found["pipeline_id"])

    def upload_version(self, pipeline_id: str, name: str, description: str, file: Path) -> str:
        """Uploads a compiled pipeline as a version; its id."""
        query = {"name": name, "pipelineid": pipeline_id, "description": description}
        try:
            made = self.http.call("POST", "/pipelines/upload_version", query, file=file)
            return str(made["pipeline_version_id"])
        except KfpAlreadyExists:
            found = find_named(self.versions(pipeline_id), name)
            if found is None:
                raise
            return str(found["pipeline_version_id"])

    def pages(self, path: str, field: str, query: Mapping[str, str]) -> Iterator[Row]:
        """Every row of a list."""
        token = ""
        while True:
            asked: dict[str, str | int] = {**query, "page_size": _PAGE, "page_token": token}
            answer = self.http.call("GET", path, asked)
            yield from answer.get(field, ())
            token = str(answer.get("next_page_token", ""))
            if not token:
                return


def name_of(row: Row) -> str:
    """The name of a row, or the one that is shown."""
    return str(row.get("name") or row.get("display_name", ""))


def find_named(rows: list[Row], name: str) -> Row | None:
    """The row of a name; the name that is shown counts if no row has it as its own."""
    for field in ("name", "display_name"):
        for row in rows:
            if row.get(field) == name:
                return row
    return None
