"""What the fake of KFP keeps: pipelines, their versions, experiments, runs, recurring runs.

It keeps to KFP 2.16.1's backend/src/apiserver: names of pipelines (in a namespace), of versions
(of a pipeline) and of experiments are unique, those of runs and recurring runs are not; times have
whole seconds; without multi-user there are no namespaces.
"""

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import yaml

from tests.fakes.kfp_errors import KfpError, invalid, not_found

Row = dict[str, Any]
_OWN_NAMESPACE = "kubeflow"
_IDS = {
    "pipelines": ("Pipeline", "pipeline_id"),
    "versions": ("PipelineVersion", "pipeline_version_id"),
    "experiments": ("Experiment", "experiment_id"),
    "runs": ("Run", "run_id"),
    "recurringruns": ("Job", "recurring_run_id"),
}


class Store:
    """The tables; every method may be called from any thread.

    Args:
        multi_user: Whether namespaces are told apart.
    """

    def __init__(self, multi_user: bool = False) -> None:
        self.multi_user = multi_user
        self.tables: dict[str, dict[str, Row]] = {table: {} for table in _IDS}
        self.texts: dict[str, str] = {}
        self.lock = threading.RLock()

    def namespace(self, given: str) -> str:
        """The namespace that a request is about; none without multi-user."""
        return given if self.multi_user else ""

    def get(self, table: str, row_id: str) -> Row:
        """A row, or 404."""
        row = self.tables[table].get(row_id)
        if row is None:
            raise not_found(_IDS[table][0], row_id)
        return row

    def rows(self, table: str, **fields: str) -> list[Row]:
        """The rows with these values; an empty value asks for nothing."""
        asked = {name: value for name, value in fields.items() if value}
        with self.lock:
            found = self.tables[table].values()
            return [r for r in found if all(r.get(n) == v for n, v in asked.items())]

    def drop(self, table: str, row_id: str) -> None:
        """Removes a row, or 404."""
        with self.lock:
            self.get(table, row_id)
            del self.tables[table][row_id]

    def add(self, table: str, row: Row) -> Row:
        """Gives a row its id and time, and keeps it."""
        with self.lock:
            made = {_IDS[table][1]: str(uuid.uuid4()), "created_at": now(), **row}
            self.tables[table][made[_IDS[table][1]]] = made
            return made

    def add_pipeline(self, name: str, namespace: str, description: str = "") -> Row:
        """A pipeline without versions.

        Raises:
            KfpError: There is one of this name in the namespace.
        """
        with self.lock:
            owner = self.namespace(namespace)
            same = [r for r in self.rows("pipelines", name=name) if r.get("namespace", "") == owner]
            if same:
                message = f"Already exist error: The name {name} already exist. Please specify a "
                raise KfpError("AlreadyExists", f"{message}new name")
            row = {"name": name, "display_name": name, "description": description}
            return self.add("pipelines", _filled({**row, "namespace": owner}))

    def add_version(self, pipeline_id: str, name: str, text: str, description: str = "") -> Row:
        """A version of a pipeline.

        Raises:
            KfpError: There is no such pipeline, there is such a version, or the text is none.
        """
        with self.lock:
            self.get("pipelines", pipeline_id)
            if self.rows("versions", pipeline_id=pipeline_id, name=name):
                message = f"Already exist error: The name {name} already exist for pipeline "
                raise KfpError("AlreadyExists", f"{message}{pipeline_id}")
            row = {"pipeline_id": pipeline_id, "name": name, "display_name": name}
            spec = {"description": description, "pipeline_spec": spec_of(text)}
            made = self.add("versions", _filled({**row, **spec}))
            self.texts[made["pipeline_version_id"]] = text
            return made

    def add_experiment(self, name: str, namespace: str, description: str = "") -> Row:
        """An experiment.

        Raises:
            KfpError: It has no name, or there is one of this name.
        """
        owner = self.namespace(namespace)
        if not name:
            raise invalid("Experiment must have a non-empty name")
        with self.lock:
            if [r for r in self.rows("experiments", display_name=name) if r["namespace"] == owner]:
                message = f"Already exist error: Failed to create a new experiment. The name {name}"
                raise KfpError("AlreadyExists", f"{message} already exists. Please specify a new")
            row = {"display_name": name, "description": description, "namespace": owner}
            return self.add("experiments", {**row, "storage_state": "AVAILABLE"})

    def owner(self, experiment_id: str) -> tuple[str, str]:
        """The experiment that a run goes to, and the namespace that it runs in."""
        with self.lock:
            if not experiment_id and self.multi_user:
                raise invalid("Experiment id can not be empty in multi-user mode")
            if not experiment_id:
                default = self.rows("experiments", display_name="Default")
                experiment = default[0] if default else self.add_experiment("Default", "")
            else:
                experiment = self.get("experiments", experiment_id)
            return experiment["experiment_id"], experiment["namespace"] or _OWN_NAMESPACE


def now() -> str:
    """The present in whole seconds, as protobuf writes a timestamp."""
    return datetime.fromtimestamp(int(time.time()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spec_of(text: str) -> Row:
    """The pipeline of a YAML text; with a platform's part, both under their own names.

    Raises:
        KfpError: The text holds none.
    """
    try:
        documents = [one for one in yaml.safe_load_all(text) if one]
    except yaml.YAMLError as error:
        raise invalid(f"unable to decode yaml document: {error}") from error
    pipelines = [d for d in documents if isinstance(d, dict) and "pipelineInfo" in d]
    platforms = [d for d in documents if isinstance(d, dict) and "platforms" in d]
    if len(pipelines) != 1:
        raise invalid("no pipeline spec is provided")
    if platforms:
        return {"pipeline_spec": pipelines[0], "platform_spec": platforms[0]}
    return pipelines[0]


def _filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value != ""}
