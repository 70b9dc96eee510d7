"""Makes the recurring monitoring run equal to the one that the plan's spec asks for."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from components.core import audit
from components.core.audit import AuditEntry
from components.core.plan import Plan
from components.core.spans import format_instant
from components.ops.schedule import local_schedule
from components.ops.schedule.kubeflow import connect_kubeflow
from components.ops.schedule.manifest import (
    PIPELINE,
    RecurringRunManifest,
    RunParameters,
    env_defaults,
)
from components.ops.schedule.page import cluster_page, local_page
from components.ops.schedule.reconcile import reconcile
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.targets.local.target_uri import SCHEME, parse_target_uri


@dataclass(frozen=True)
class ScheduleResult:
    """What the step did.

    Attributes:
        page: The same as HTML, with the recurring run.
        digest: Names the recurring run.
    """

    decision: str
    reason: str
    page: str
    digest: str


def schedule(plan_folder: Path, model: str, overlay: str, run: str) -> ScheduleResult:
    """Schedules monitoring for the model that a plan is about.

    On this machine that is a file beside the model; for any other target it is a recurring run of
    Kubeflow Pipelines, unless git declares one, which goes before it.

    Raises:
        InputError: The target's schedule is damaged, or KFP does not have the pipeline's version.
        ApiUnavailable: KFP did not answer.
        ApiRejected: KFP rejected a call.
    """
    plan = Plan.of(plan_folder)
    target = plan.spec.serving.target
    manifest = RecurringRunManifest(
        model=plan.spec.name,
        parameters=RunParameters(model=model, overlay=overlay, target=target),
        every=plan.spec.monitoring.every,
    )
    made = (_here if target.startswith(SCHEME) else _on_cluster)(plan, manifest)
    entry = AuditEntry(
        run=run,
        step="schedule",
        model=plan.spec.name,
        as_of=plan.as_of,
        version=plan.version,
        decision=made.decision,
        reason=made.reason,
        digests={**plan.digests, "plan": plan.digest, "schedule": made.digest},
    )
    audit.append(plan.spec.serving.audit_uri, entry)
    return made


def _here(plan: Plan, manifest: RecurringRunManifest) -> ScheduleResult:
    folder = parse_target_uri(manifest.parameters.target).folder
    is_new, schedule = local_schedule.put(folder, manifest, plan.as_of)
    decision, first = "scheduled" if is_new else "unchanged", format_instant(schedule.first_due)
    every = manifest.model_dump(mode="json")["every"]
    reason = f"{PIPELINE} runs every {every}, first at {first}: {folder / local_schedule.SCHEDULE}"
    page = local_page(schedule, plan.as_of, decision, reason)
    return ScheduleResult(decision, reason, page, manifest.digest)


def _on_cluster(plan: Plan, manifest: RecurringRunManifest) -> ScheduleResult:
    desired = DesiredRecurringRun.of(manifest, replace(env_defaults(), overlay=""), "step")
    with connect_kubeflow() as api:
        made = reconcile(api, desired)
    reason = f"git declares the recurring run {made.name}, which this step leaves as it is"
    if not made.managed_by_git:
        runs = f"{desired.version} runs by {desired.trigger.text}"
        reason = f"{runs}, as the recurring run {made.name}{made.suffix}"
    page = cluster_page(desired, plan.as_of, made, reason, datetime.now(UTC))
    return ScheduleResult(made.decision, reason, page, desired.digest)
