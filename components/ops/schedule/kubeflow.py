"""Recurring runs in KFP's REST API.

Body: kubeflow/pipelines, backend/api/v2beta1/recurring_run.proto. In a multi-user installation its
calls need, of ``pipelines.kubeflow.org``: ``jobs`` list, create, enable, disable, delete;
``experiments`` list, create; ``pipelines`` list.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from typing import Any

from components.core.errors import InputError
from components.core.spans import format_instant
from components.ops.kubeflow.api import KfpApi, Row, find_named, name_of
from components.ops.kubeflow.http_client import KfpConfig, KfpHttpClient, KfpNotFound
from components.ops.schedule.recurring_run import (
    ActualRecurringRun,
    DesiredRecurringRun,
    ResolvedIds,
)
from components.ops.schedule.trigger import Trigger, interval_start

_SHOWN = 5
# A recurring run owns the workflows of its runs: without this they would be stopped with it, and
# the step that replaces a recurring run is in one of them.
_ORPHAN = {"propagation_policy": "ORPHAN"}
_UPLOAD = (
    "Upload it with `ratoon submit`, or with `kubectl apply -k manifests/pipelines` where KFP "
    "keeps pipelines as objects of the cluster."
)


class RecurringRunApi(KfpApi):
    """The recurring runs of one KFP installation."""

    def namespace(self, desired: DesiredRecurringRun) -> str:
        """The namespace to ask for; empty without multi-user.

        Raises:
            InputError: One is needed and none is known.
        """
        if not self.is_multi_user():
            return ""
        if not desired.namespace:
            do = "Kubeflow is in multi-user mode here; write it, or set RATOON_NAMESPACE."
            raise InputError(f"{desired.model}: namespace", "", "a profile's namespace", do)
        return desired.namespace

    def resolve(self, desired: DesiredRecurringRun) -> ResolvedIds:
        """The ids of what a desired run names.

        Raises:
            InputError: There is no such pipeline or version.
        """
        namespace = self.namespace(desired)
        pipelines = self.pipelines(namespace, shared=True)
        pipeline = find_named(pipelines, desired.pipeline)
        if pipeline is None:
            known = ", ".join(sorted(map(name_of, pipelines))[:_SHOWN]) or "no pipeline at all"
            accepted = f"one that is uploaded: {known}"
            raise InputError("pipeline", desired.pipeline, accepted, _UPLOAD)
        pipeline_id = str(pipeline["pipeline_id"])
        versions = self.versions(pipeline_id)
        version = find_named(versions, desired.version)
        if version is None:
            newest = ", ".join(map(name_of, versions[:_SHOWN])) or "no version at all"
            where = f"{desired.model}: version of pipeline {desired.pipeline}"
            accepted = f"one that is uploaded; the newest are: {newest}"
            raise InputError(where, desired.version, accepted, _UPLOAD)
        experiment_id = self.experiment_id(desired.experiment, namespace)
        return ResolvedIds(pipeline_id, str(version["pipeline_version_id"]), experiment_id)

    def recurring_runs(self, namespace: str) -> tuple[ActualRecurringRun, ...]:
        """Every recurring run of a namespace."""
        query = {"namespace": namespace, "sort_by": "created_at"}
        rows = self.pages("/recurringruns", "recurringRuns", query)
        # A row that KFP itself cannot read holds its id and an error, and is not one of ours.
        return tuple(_actual(row) for row in rows if "display_name" in row)

    def create(self, desired: DesiredRecurringRun, ids: ResolvedIds, now: datetime) -> str:
        """Creates a recurring run, an interval from the boundary before now; its id.

        Names are not unique: there may be another.

        Raises:
            ApiRejected: KFP rejects it.
        """
        body = {
            "display_name": desired.name,
            "description": desired.description,
            "pipeline_version_reference": {
                "pipeline_id": ids.pipeline_id,
                "pipeline_version_id": ids.version_id,
            },
            "runtime_config": {"parameters": desired.arguments},
            "trigger": _trigger(desired.trigger, now),
            "mode": "ENABLE" if desired.enabled else "DISABLE",
            "no_catchup": True,
            "max_concurrency": "1",
            "experiment_id": ids.experiment_id,
        }
        if desired.service_account:
            body["service_account"] = desired.service_account
        return str(self.http.call("POST", "/recurringruns", body=body)["recurring_run_id"])

    def set_enabled(self, run_id: str, enabled: bool) -> None:
        """Enables or disables a recurring run; does nothing if it is gone."""
        with suppress(KfpNotFound):
            verb = "enable" if enabled else "disable"
            self.http.call("POST", f"/recurringruns/{run_id}:{verb}")

    def delete(self, run_id: str) -> None:
        """Deletes a recurring run; the runs that it started go on. Does nothing if it is gone."""
        with suppress(KfpNotFound):
            self.http.call("DELETE", f"/recurringruns/{run_id}", _ORPHAN)


@contextmanager
def connect_kubeflow(environment: Mapping[str, str] = os.environ) -> Iterator[RecurringRunApi]:
    """The API of the installation that the environment names; this alone calls nothing.

    Raises:
        InputError: The environment names no URL.
    """
    with closing(KfpHttpClient(KfpConfig.of_pod(environment))) as http:
        yield RecurringRunApi(http)


def _trigger(trigger: Trigger, now: datetime) -> dict[str, Any]:
    if not trigger.interval_s:
        return {"cron_schedule": {"cron": trigger.cron}}
    start = format_instant(interval_start(trigger, now))
    periodic = {"interval_second": str(trigger.interval_s), "start_time": start}
    return {"periodic_schedule": periodic}


def _actual(row: Row) -> ActualRecurringRun:
    reference, trigger = row.get("pipeline_version_reference", {}), row.get("trigger", {})
    cron, periodic = trigger.get("cron_schedule", {}), trigger.get("periodic_schedule", {})
    return ActualRecurringRun(
        run_id=str(row["recurring_run_id"]),
        name=row["display_name"],
        description=row.get("description", ""),
        created_at=row.get("created_at", ""),
        enabled=row.get("mode") == "ENABLE",
        version_id=reference.get("pipeline_version_id", ""),
        experiment_id=row.get("experiment_id", ""),
        parameters=row.get("runtime_config", {}).get("parameters", {}),
        trigger=Trigger(
            cron=cron.get("cron", ""), interval_s=int(periodic.get("interval_second", 0))
        ),
        service_account=row.get("service_account", ""),
        no_catchup=bool(row.get("no_catchup", False)),
        max_concurrency=int(row.get("max_concurrency", 0)),
        ends="end_time" in cron or "end_time" in periodic,
    )
