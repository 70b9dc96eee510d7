"""Makes the recurring monitoring run at the target equal to what the plan's spec wants."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from components.core import audit
from components.core.audit import Entry
from components.core.plan import Plan
from components.core.spans import parse_instant
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.schedule import register
from components.ops.schedule.declared import PIPELINE, Declared, Parameters
from components.ops.schedule.installation import kubeflow_pipelines, surroundings
from components.ops.schedule.page import page_of, page_of_cluster
from components.ops.schedule.recurrence import Wanted
from components.ops.schedule.settle import Settled, settle
from components.ops.schedule.trigger import in_words


@dataclass(frozen=True)
class Outcome:
    """What the step did.

    Attributes:
        decision: ``scheduled`` or ``unchanged``.
        reason: Why, in one sentence.
        page: The same as HTML, with what is wanted.
        digest: Names what is wanted.
    """

    decision: str
    reason: str
    page: str
    digest: str


def schedule(plan_folder: Path, model: str, overlay: str, run: str) -> Outcome:
    """Schedules monitoring for the model that a plan is about.

    On this machine that is a file beside the model; for any other target it is a recurring run of
    Kubeflow Pipelines, by the same code as what git declares, which goes before it.

    Args:
        plan_folder: The plan artifact.
        model: The pipeline's parameter `model`, which the monitoring run gets too.
        overlay: The pipeline's parameter `overlay`.
        run: The run, for the audit.

    Raises:
        InputError: The target's schedule is damaged, or KFP does not have the pipeline's version.
        ApiUnavailable: KFP did not answer.
        ApiRejected: KFP refused.
    """
    plan = Plan.of(plan_folder)
    is_here = plan.spec.serving.target.startswith(SCHEME)
    outcome = (_here if is_here else _on_cluster)(plan, model, overlay)
    entry = Entry(
        run=run,
        step="schedule",
        model=plan.spec.name,
        as_of=plan.as_of,
        version=plan.version,
        decision=outcome.decision,
        reason=outcome.reason,
        digests={**plan.digests, "plan": plan.digest, "schedule": outcome.digest},
    )
    audit.append(plan.spec.serving.audit_uri, entry)
    return outcome


def _here(plan: Plan, model: str, overlay: str) -> Outcome:
    wanted = Wanted(
        name=plan.spec.name,
        pipeline=PIPELINE,
        model=model,
        overlay=overlay,
        target=plan.spec.serving.target,
        every=plan.spec.monitoring.every,
    )
    folder = parse_place(wanted.target).folder
    is_new = register.put(folder, wanted, parse_instant(plan.as_of))
    stands = register.read(folder)
    first = stands.first_due if stands else "unknown"
    every = wanted.model_dump(mode="json")["every"]
    reason = f"{PIPELINE} runs every {every}, first at {first}: {folder / register.SCHEDULE}"
    decision = "scheduled" if is_new else "unchanged"
    page = page_of(wanted, plan.as_of, decision, reason)
    return Outcome(decision, reason, page, wanted.digest)


def _on_cluster(plan: Plan, model: str, overlay: str) -> Outcome:
    declared = Declared(
        model=plan.spec.name,
        parameters=Parameters(model=model, overlay=overlay, target=plan.spec.serving.target),
        every=plan.spec.monitoring.every,
    )
    wanted = declared.wanted(replace(surroundings(), overlay=""), "step")
    with kubeflow_pipelines() as api:
        settled = settle(api, wanted)
    reason = _sentence(settled, f"{wanted.version} runs {in_words(wanted.trigger)}")
    page = page_of_cluster(wanted, plan.as_of, settled, reason, datetime.now(UTC))
    return Outcome(settled.decision, reason, page, wanted.digest)


def _sentence(settled: Settled, runs: str) -> str:
    if settled.left:
        return f"git declares the recurring run {settled.name}, which this step leaves as it is"
    did = f" ({'; '.join(settled.did)})" if settled.did else ""
    return f"{runs}, as the recurring run {settled.name}{did}"
