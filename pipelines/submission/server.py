"""Kubeflow Pipelines as a person uses it: upload a version, start a run, follow it to its end."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import ApiUnavailable, InputError
from components.core.spans import parse_instant
from components.ops.kubeflow.api import KfpApi, Row, find_named
from components.ops.kubeflow.http_client import KfpConfig, KfpHttpClient
from pipelines.local.results import RunObserver, StepResult, StepState

DEFAULT_ENDPOINT = "http://localhost:8080"
UI_ENDPOINT = "KF_PIPELINES_UI_ENDPOINT"
_RUNNING = "RUNNING"
_ENDED: Mapping[str, StepState] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "failed",
}


@dataclass(frozen=True)
class UploadedVersion:
    """A pipeline's version at the server."""

    pipeline_id: str
    version_id: str
    is_new: bool


class KfpServer:
    """One KFP installation; an empty namespace where it has only one."""

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

    def run(self, run_id: str) -> Row:
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


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: SUCCEEDED, FAILED or CANCELED, and KFP's error if it names one."""

    state: str
    error: str

    @property
    def is_good(self) -> bool:
        """Whether every step succeeded."""
        return self.state == "SUCCEEDED"


def follow(
    read: Callable[[], Row],
    steps: Collection[str],
    observer: RunObserver,
    poll_s: float = 3.0,
    unavailable_timeout_s: float = 300.0,
) -> RunOutcome:
    """Tells an observer of each step of a run until the run has ended.

    `read` reads the run as it is now (KFP's V2beta1Run); tasks that are no step are KFP's own.

    Raises:
        ApiUnavailable: The server was away for longer; the run goes on.
        ApiRejected: It does not let the caller read the run any more; the run goes on.
    """
    told: dict[tuple[str, str], str] = {}
    seen = time.monotonic()
    while True:
        try:
            run = read()
            seen = time.monotonic()
        except ApiUnavailable:
            if time.monotonic() - seen > unavailable_timeout_s:
                raise
            time.sleep(poll_s)
            continue
        _tell(run, steps, observer, told)
        if run.get("state") in _ENDED:
            return RunOutcome(str(run["state"]), _message(run))
        time.sleep(poll_s)


def _tell(
    run: Row, steps: Collection[str], observer: RunObserver, told: dict[tuple[str, str], str]
) -> None:
    tasks = (run.get("run_details") or {}).get("task_details") or ()
    known = (t for t in tasks if t.get("display_name") in steps and t.get("start_time"))
    for task in sorted(known, key=lambda one: (one["start_time"], one["display_name"])):
        # A nested pipeline may have a step of the same name.
        name, state = task["display_name"], task.get("state", "")
        key = (name, task["start_time"])
        if state == told.get(key):
            continue
        if state in (_RUNNING, *_ENDED) and told.get(key) != _RUNNING:
            observer.step_started(name)
        if state in _ENDED:
            observer.step_finished(_result(task))
        told[key] = state


def _result(task: Row) -> StepResult:
    start, end = task["start_time"], task.get("end_time") or task["start_time"]
    lasted = parse_instant(end) - parse_instant(start)
    return StepResult(
        name=task["display_name"],
        state=_ENDED[task["state"]],
        seconds=max(lasted.total_seconds(), 0.0),
        log=Path(),
        parameters={"reason": _message(task)},
    )


def _message(row: Row) -> str:
    return str((row.get("error") or {}).get("message") or "")
