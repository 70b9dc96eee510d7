"""Runs and recurring runs of the fake of KFP, and what KFP checks before it takes one."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.fakes.kfp_errors import KfpError, invalid
from tests.fakes.kfp_store import Row, Store, now

_RUN_FIELDS = {
    "display_name", "description", "experiment_id", "pipeline_spec", "pipeline_version_reference",
    "runtime_config", "service_account", "recurring_run_id", "pipeline_version_id",
}  # fmt: skip
_RECURRING_FIELDS = _RUN_FIELDS - {"recurring_run_id"} | {
    "max_concurrency", "trigger", "mode", "no_catchup", "namespace", "status",
}  # fmt: skip
_FINISHED = ("SUCCEEDED", "FAILED", "CANCELED")


@dataclass(frozen=True)
class Started:
    """A run as an executor gets it.

    Attributes:
        run_id: Its id.
        text: The pipeline's YAML.
        parameters: Its parameters.
        cancelled: Set when somebody terminates it.
    """

    run_id: str
    text: str
    parameters: Mapping[str, Any]
    cancelled: threading.Event


# Runs a pipeline; False: it failed.
Executor = Callable[[Started], bool]


class Runs:
    """Takes runs and recurring runs.

    Args:
        store: The tables.
        executor: Runs what is taken; None: runs stay pending.
    """

    def __init__(self, store: Store, executor: Executor | None = None) -> None:
        self.store, self.executor = store, executor
        self._cancelled: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def create(self, body: Row, scheduled_at: str = "") -> Row:
        """A run, which starts at once."""
        _only(body, _RUN_FIELDS, "Run")
        if not body.get("display_name"):
            raise invalid("The run name is empty. Please specify a valid name")
        text = self._checked(body)
        experiment, _ = self.store.owner(body.get("experiment_id", ""))
        row = {
            **body,
            "experiment_id": experiment,
            "storage_state": "AVAILABLE",
            "state": "PENDING",
            "scheduled_at": scheduled_at or now(),
            "finished_at": "1970-01-01T00:00:00Z",
            "state_history": [{"update_time": now(), "state": "PENDING"}],
        }
        made = self.store.add("runs", row)
        self._start(made, text)
        return made

    def terminate(self, run_id: str) -> None:
        """Ends a run that is under way."""
        with self.store.lock:
            run = self.store.get("runs", run_id)
            if run["state"] in _FINISHED:
                message = "Failed to terminate a run. Check if the run is in a non-final state"
                raise KfpError("Internal", f"InternalServerError: {message}")
            _state(run, "CANCELING")
            self._cancelled.setdefault(run_id, threading.Event()).set()
            if self.executor is None:
                _state(run, "CANCELED")

    def schedule(self, body: Row) -> Row:
        """A recurring run."""
        _only(body, _RECURRING_FIELDS, "RecurringRun")
        if not body.get("display_name"):
            raise invalid("Recurring run's name cannot be empty")
        most = int(body.get("max_concurrency", 0))
        if not 1 <= most <= 10:
            message = "Max concurrency of a recurring run must be at least 1 and at most 10."
            raise invalid(f"{message} Received {most}")
        trigger = _trigger(body.get("trigger") or {})
        experiment, namespace = self.store.owner(body.get("experiment_id", ""))
        try:
            self._checked(body)
        except KfpError as error:  # KFP itself answers 500 for a version that is not there
            if error.kind == "NotFound":
                raise KfpError("Internal", f"InternalServerError: {error.message}") from error
            raise
        row = {
            **body,
            "experiment_id": experiment,
            "namespace": namespace,
            "max_concurrency": str(most),
            "trigger": trigger,
            "service_account": body.get("service_account") or "pipeline-runner",
            "updated_at": now(),
        }
        if not row.get("no_catchup"):
            row.pop("no_catchup", None)
        return self.store.add("recurringruns", _moded(row, body.get("mode") == "ENABLE"))

    def switch(self, recurring_run_id: str, enable: bool) -> None:
        """Enables or disables a recurring run."""
        with self.store.lock:
            row = self.store.get("recurringruns", recurring_run_id)
            row.update(_moded({"updated_at": now()}, enable))

    def unschedule(self, recurring_run_id: str, propagation: str) -> None:
        """Removes a recurring run, and with it its unfinished runs: Kubernetes collects what it
        owns, unless the policy is ``ORPHAN``."""
        with self.store.lock:
            self.store.drop("recurringruns", recurring_run_id)
            if propagation == "ORPHAN":
                return
            for run in self.store.rows("runs", recurring_run_id=recurring_run_id):
                if run["state"] not in _FINISHED:
                    self._cancelled.setdefault(run["run_id"], threading.Event()).set()
                    _state(run, "FAILED")

    def fire(self, recurring_run_id: str, scheduled_at: str) -> Row:
        """The run that KFP's controller makes of a recurring run at one of its times.

        As in KFP 2.16 and 2.17, macros such as ``[[ScheduledTime]]`` in the parameters of a pinned
        pipeline are handed on as they stand.

        Args:
            recurring_run_id: The recurring run.
            scheduled_at: The time, as protobuf writes it.
        """
        with self.store.lock:
            row = self.store.get("recurringruns", recurring_run_id)
            shared = {n: row[n] for n in row if n in _RUN_FIELDS and n != "description"}
            number = len(self.store.rows("runs", recurring_run_id=recurring_run_id)) + 1
        name = f"{row['display_name']}-{number}"
        body = {**shared, "display_name": name, "recurring_run_id": recurring_run_id}
        return self.create(body, scheduled_at)

    def wait(self, timeout_s: float = 60.0) -> None:
        """Waits until everything that was started has ended."""
        for thread in tuple(self._threads):
            thread.join(timeout_s)

    def _start(self, run: Row, text: str) -> None:
        if self.executor is None:
            return
        cancelled = self._cancelled.setdefault(run["run_id"], threading.Event())
        parameters = (run.get("runtime_config") or {}).get("parameters", {})
        started = Started(run["run_id"], text, parameters, cancelled)
        thread = threading.Thread(target=self._execute, args=(run, started), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _execute(self, run: Row, started: Started) -> None:
        assert self.executor is not None
        _state(run, "RUNNING")
        succeeded = False
        try:
            succeeded = self.executor(started)
        finally:
            ended = "SUCCEEDED" if succeeded else "FAILED"
            _state(run, "CANCELED" if started.cancelled.is_set() else ended)
            run["finished_at"] = now()

    def _checked(self, body: Row) -> str:
        """The YAML that a body asks for, its parameters checked against it."""
        reference = body.get("pipeline_version_reference")
        if reference:
            version = self.store.get("versions", reference.get("pipeline_version_id", ""))
            spec, text = version["pipeline_spec"], self.store.texts[version["pipeline_version_id"]]
        elif body.get("pipeline_spec"):
            spec, text = body["pipeline_spec"], yaml.safe_dump(body["pipeline_spec"])
        else:
            raise invalid("Failed to fetch a template with an empty pipeline spec manifest")
        given = (body.get("runtime_config") or {}).get("parameters") or {}
        _check_parameters(spec.get("pipeline_spec", spec), given)
        return text


def _check_parameters(spec: Row, given: Mapping[str, Any]) -> None:
    taken = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    for name in given:
        if name not in taken:
            raise invalid(f"parameter {name} is not a valid input of the pipeline")
    for name, definition in taken.items():
        optional = definition.get("isOptional") or "defaultValue" in definition
        if name not in given and not optional:
            raise invalid(f"parameter {name} is not optional, yet has neither default nor value")


def _trigger(trigger: Row) -> Row:
    cron, periodic = trigger.get("cron_schedule"), trigger.get("periodic_schedule")
    if cron:
        if len(cron["cron"].split()) not in (5, 6):
            link = (
                "Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron)"
            )
            raise invalid(f"{link}. Error: Expected 5 to 6 fields, found {cron['cron']!r}")
        return {"cron_schedule": _given(cron)}
    if periodic:
        seconds = int(periodic.get("interval_second", 0))
        if seconds < 1:
            raise invalid(f"Found invalid period schedule interval {seconds}. Set at interval to")
        return {"periodic_schedule": {**_given(periodic), "interval_second": str(seconds)}}
    return {}


def _given(schedule: Row) -> Row:
    return {name: value for name, value in schedule.items() if value is not None}


def _moded(row: Row, enable: bool) -> Row:
    mode, status = ("ENABLE", "ENABLED") if enable else ("DISABLE", "DISABLED")
    return {**row, "mode": mode, "status": status}


def _state(run: Row, state: str) -> None:
    run["state"] = state
    run["state_history"] = [*run["state_history"], {"update_time": now(), "state": state}]


def _only(body: Row, fields: set[str], message: str) -> None:
    for name in list(body):
        if body[name] is None or body[name] == "":
            del body[name]
        elif name not in fields:
            kind = f"kubeflow.pipelines.backend.api.v2beta1.{message}"
            raise invalid(f'proto: (line 1:2): unknown field "{name}" in {kind}')
