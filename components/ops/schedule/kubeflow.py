"""What a pod is told of the KFP installation that it belongs to."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from components.core.errors import ApiRejected, InputError
from components.core.spans import format_instant
from components.ops.kubeflow.http_client import (
    KfpAlreadyExists,
    KfpConfig,
    KfpHttpClient,
    KfpNotFound,
)
from components.ops.schedule.manifest import EnvDefaults
from components.ops.schedule.recurring_run import (
    ActualRecurringRun,
    DesiredRecurringRun,
    ResolvedIds,
)
from components.ops.schedule.trigger import Trigger, interval_start

VERSION, NAMESPACE, OVERLAY = "RATOON_MONITOR_VERSION", "RATOON_NAMESPACE", "RATOON_OVERLAY"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def env_defaults(environment: Mapping[str, str] = os.environ) -> EnvDefaults:
    """What the environment says, for what a declaration leaves open."""
    namespace = environment.get(NAMESPACE, "").strip()
    if not namespace and _OWN_NAMESPACE.is_file():
        namespace = _OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    version, overlay = environment.get(VERSION, "").strip(), environment.get(OVERLAY, "").strip()
    return EnvDefaults(version, namespace, overlay)


@contextmanager
def connect_kubeflow(
    environment: Mapping[str, str] = os.environ,
) -> Iterator[KubeflowPipelines]:
    """KFP's API for as long as the context lasts; nothing is called by this alone.

    Raises:
        InputError: The environment names no URL.
    """
    http = KfpHttpClient(KfpConfig.of(environment))
    try:
        yield KubeflowPipelines(http)
    finally:
        http.close()


# ---- kubeflow: What we need of Kubeflow Pipelines' REST API, v2beta1 (KFP 2.16 and newer).

_PAGE = 200
_SHOWN = 5
# A recurring run owns the workflows of its runs: without this they would be stopped with it, and
# the step that replaces a recurring run is in one of them.
_ORPHAN = {"propagation_policy": "ORPHAN"}
_UPLOAD = (
    "Upload it with `make submit`, or with `kubectl apply -k manifests/pipelines` where KFP keeps "
    "pipelines as objects of the cluster."
)


class KubeflowPipelines:
    """One KFP installation.

    Args:
        http: The way to it.
    """

    def __init__(self, http: KfpHttpClient) -> None:
        self._http = http

    def is_multi_user(self) -> bool:
        """Whether it tells namespaces apart."""
        return bool(self._http.call("GET", "/healthz").get("multi_user", False))

    def place(self, wanted: DesiredRecurringRun) -> ResolvedIds:
        """Where it keeps what a wanted run names.

        Raises:
            InputError: There is no such pipeline or version.
        """
        namespace = self.namespace(wanted)
        version = self._version(wanted, self._pipeline(wanted.pipeline, namespace))
        experiment = self._experiment(wanted.experiment, namespace)
        return ResolvedIds(version["pipeline_id"], version["pipeline_version_id"], experiment)

    def namespace(self, wanted: DesiredRecurringRun) -> str:
        """The namespace to ask for; empty without multi-user.

        Raises:
            InputError: One is needed and none is known.
        """
        if not self.is_multi_user():
            return ""
        if not wanted.namespace:
            do = "Kubeflow is in multi-user mode here; write it, or set RATOON_NAMESPACE."
            raise InputError(f"{wanted.model}: namespace", "", "a profile's namespace", do)
        return wanted.namespace

    def recurring_runs(self, namespace: str) -> tuple[ActualRecurringRun, ...]:
        """Every recurring run of a namespace."""
        query = {"namespace": namespace, "sort_by": "created_at"}
        listed = self._all("/recurringruns", "recurringRuns", query)
        # A row that KFP itself cannot read holds its id and an error, and is none of ours.
        return tuple(_existing(row) for row in listed if "display_name" in row)

    def create_experiment(self, name: str, namespace: str) -> str:
        """The id of an experiment, which is made where it is missing."""
        body = {"display_name": name, **({"namespace": namespace} if namespace else {})}
        try:
            made = self._http.call("POST", "/experiments", body=body)
        except KfpAlreadyExists:  # another was faster
            return self._experiment(name, namespace)
        return str(made["experiment_id"])

    def create(self, wanted: DesiredRecurringRun, place: ResolvedIds, now: datetime) -> str:
        """Makes a recurring run; its id. There may be another of its name: none is unique.

        Args:
            wanted: What is wanted.
            place: Where KFP keeps what it names.
            now: The present, from which an interval's first boundary is counted.

        Raises:
            ApiRejected: KFP refuses it.
        """
        body = {
            "display_name": wanted.name,
            "description": wanted.description,
            "pipeline_version_reference": {
                "pipeline_id": place.pipeline_id,
                "pipeline_version_id": place.version_id,
            },
            "runtime_config": {"parameters": dict(wanted.parameters)},
            "trigger": _trigger(wanted.trigger, now),
            "mode": "ENABLE" if wanted.enabled else "DISABLE",
            "no_catchup": True,
            "max_concurrency": "1",
            "experiment_id": place.experiment_id,
        }
        if wanted.service_account:
            body["service_account"] = wanted.service_account
        return str(self._http.call("POST", "/recurringruns", body=body)["recurring_run_id"])

    def switch(self, run_id: str, enable: bool) -> None:
        """Enables or disables a recurring run; nothing where it is gone."""
        verb = "enable" if enable else "disable"
        self._unless_gone("POST", f"/recurringruns/{run_id}:{verb}", None)

    def delete(self, run_id: str) -> None:
        """Removes a recurring run; what it started goes on. Nothing where it is gone."""
        self._unless_gone("DELETE", f"/recurringruns/{run_id}", _ORPHAN)

    def _unless_gone(self, method: str, path: str, query: Mapping[str, str] | None) -> None:
        try:
            self._http.call(method, path, query)
        except KfpNotFound:
            return

    def _pipeline(self, name: str, namespace: str) -> str:
        rows = list(self._all("/pipelines", "pipelines", {"namespace": namespace}))
        if namespace:
            rows += self._shared()
        found = _named(rows, name)
        if found is None:
            there = ", ".join(sorted(_name(row) for row in rows)[:_SHOWN]) or "no pipeline at all"
            raise InputError("pipeline", name, f"one that is uploaded: {there}", _UPLOAD)
        return str(found["pipeline_id"])

    def _shared(self) -> list[Mapping[str, Any]]:
        """The pipelines of no namespace, where an installation has such."""
        try:
            return list(self._all("/pipelines", "pipelines", {}))
        except ApiRejected:  # one that keeps every pipeline in a namespace refuses the question
            return []

    def _version(self, wanted: DesiredRecurringRun, pipeline_id: str) -> Mapping[str, Any]:
        query = {"sort_by": "created_at desc"}
        path = f"/pipelines/{pipeline_id}/versions"
        rows = list(self._all(path, "pipeline_versions", query))
        found = _named(rows, wanted.version)
        if found is None:
            newest = ", ".join(_name(row) for row in rows[:_SHOWN]) or "no version at all"
            where = f"{wanted.model}: version of pipeline {wanted.pipeline}"
            accepted = f"one that is uploaded; the newest are: {newest}"
            raise InputError(where, wanted.version, accepted, _UPLOAD)
        return {**found, "pipeline_id": pipeline_id}

    def _experiment(self, name: str, namespace: str) -> str:
        rows = self._all("/experiments", "experiments", {"namespace": namespace})
        found = _named(list(rows), name)
        return str(found["experiment_id"]) if found else ""

    def _all(self, path: str, field: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            asked: dict[str, str | int] = {**query, "page_size": _PAGE, "page_token": token}
            answer = self._http.call("GET", path, asked)
            yield from answer.get(field, ())
            token = str(answer.get("next_page_token", ""))
            if not token:
                return


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or row.get("display_name", ""))


def _named(rows: list[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """The row of a name; the name that is shown counts where no row has it as its own."""
    for field in ("name", "display_name"):
        for row in rows:
            if row.get(field) == name:
                return row
    return None


def _trigger(trigger: Trigger, now: datetime) -> dict[str, Any]:
    if not trigger.interval_s:
        return {"cron_schedule": {"cron": trigger.cron}}
    start = format_instant(interval_start(trigger, now))
    periodic = {"interval_second": str(trigger.interval_s), "start_time": start}
    return {"periodic_schedule": periodic}


def _existing(row: Mapping[str, Any]) -> ActualRecurringRun:
    reference = row.get("pipeline_version_reference", {})
    trigger = row.get("trigger", {})
    cron = trigger.get("cron_schedule", {})
    periodic = trigger.get("periodic_schedule", {})
    place = ResolvedIds(
        reference.get("pipeline_id", ""),
        reference.get("pipeline_version_id", ""),
        row.get("experiment_id", ""),
    )
    return ActualRecurringRun(
        run_id=str(row["recurring_run_id"]),
        name=row["display_name"],
        description=row.get("description", ""),
        created_at=row.get("created_at", ""),
        enabled=row.get("mode") == "ENABLE",
        place=place,
        parameters=row.get("runtime_config", {}).get("parameters", {}),
        trigger=Trigger(
            cron=cron.get("cron", ""), interval_s=int(periodic.get("interval_second", 0))
        ),
        service_account=row.get("service_account", ""),
        no_catchup=bool(row.get("no_catchup", False)),
        max_concurrency=int(row.get("max_concurrency", 0)),
        ends="end_time" in cron or "end_time" in periodic,
    )
