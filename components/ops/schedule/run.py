"""Makes the recurring monitoring run equal to the one that the plan's spec asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from components.core import audit
from components.core.audit import AuditEntry
from components.core.plan import Plan
from components.core.spans import format_instant, next_boundary
from components.ops.schedule import local_schedule
from components.ops.schedule.kubeflow import connect_kubeflow
from components.ops.schedule.manifest import (
    PIPELINE,
    RecurringRunManifest,
    RunParameters,
    env_defaults,
)
from components.ops.schedule.reconcile import reconcile
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.schedule.trigger import next_runs
from components.ops.targets.target_uri import LOCAL_SCHEME, parse_local_uri
from components.report.blocks import Banner, Note
from components.report.page import build_page

_NEXT = 3


@dataclass(frozen=True)
class ScheduleResult:
    """What the step did, the page that says so, and the digest of the recurring run."""

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
    made = (_here if target.startswith(LOCAL_SCHEME) else _on_cluster)(plan, manifest)
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
    folder = parse_local_uri(manifest.parameters.target).folder
    is_new, schedule = local_schedule.put(folder, manifest, plan.as_of)
    decision, first = "scheduled" if is_new else "unchanged", format_instant(schedule.first_due)
    every = manifest.model_dump(mode="json")["every"]
    reason = f"{PIPELINE} runs every {every}, first at {first}: {folder / local_schedule.SCHEDULE}"
    facts = [
        ("pipeline", manifest.pipeline),
        *_run_facts(manifest, manifest.parameters.model_dump()),
    ]
    due = [next_boundary(schedule.every, plan.as_of)]
    while len(due) < _NEXT:
        due.append(next_boundary(schedule.every, due[-1]))
    page = _page(plan, decision, reason, [*facts, _upcoming(due)])
    return ScheduleResult(decision, reason, page, manifest.digest)


def _on_cluster(plan: Plan, manifest: RecurringRunManifest) -> ScheduleResult:
    desired = DesiredRecurringRun.of(manifest, replace(env_defaults(), overlay=""), "step")
    with connect_kubeflow() as api:
        made = reconcile(api, desired)
    name = [("recurring run", made.name)]
    if made.managed_by_git:
        reason = f"git declares the recurring run {made.name}, which this step leaves as it is"
        note = Note(
            f"A file in git declares {made.name}, which goes before what this run would have: "
            "change the file to change the recurring run."
        )
        page = _page(plan, made.decision, reason, name, note)
        return ScheduleResult(made.decision, reason, page, desired.digest)
    runs = f"{desired.version} runs by {desired.trigger.text}"
    reason = f"{runs}, as the recurring run {made.name}{made.suffix}"
    page = _page(plan, made.decision, reason, [*name, *_cluster_facts(desired)])
    return ScheduleResult(made.decision, reason, page, desired.digest)


def _cluster_facts(desired: DesiredRecurringRun) -> list[tuple[str, str]]:
    # KFP keeps to the clock: the next runs are those after now, whatever the as_of is.
    return [
        ("pipeline version", desired.version),
        *_run_facts(desired, desired.arguments),
        ("namespace", desired.namespace or "the one of Kubeflow Pipelines"),
        ("experiment", desired.experiment),
        ("service account", desired.service_account or "the default of Kubeflow Pipelines"),
        ("runs at once", "1; missed runs are not caught up"),
        _upcoming(next_runs(desired.trigger, datetime.now(UTC), _NEXT)),
    ]


def _run_facts(wanted: RecurringRunManifest, given: Mapping[str, str]) -> list[tuple[str, str]]:
    parameters = [(f"parameter {name}", value) for name, value in given.items() if value]
    return [("falls due", wanted.trigger.text), *parameters]


def _upcoming(due: Sequence[datetime]) -> tuple[str, str]:
    return "next runs", ", ".join(format_instant(one) for one in due)


def _page(
    plan: Plan, decision: str, reason: str, facts: Sequence[tuple[str, str]], *notes: Note
) -> str:
    """The page that says what monitors a model from now on."""
    title = f"{plan.spec.name}: the recurring monitoring run"
    banner = Banner(decision, reason, "good")
    return build_page(title, banner=banner, as_of=plan.as_of, facts=facts, blocks=notes)
