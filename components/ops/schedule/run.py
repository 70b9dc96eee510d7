"""Makes the recurring monitoring run at the target equal to what the plan's spec wants."""

from dataclasses import dataclass
from pathlib import Path

from components.core import audit
from components.core.audit import Entry
from components.core.plan import Plan
from components.core.spans import parse_instant
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.schedule import register
from components.ops.schedule.page import page_of
from components.ops.schedule.recurrence import Wanted

PIPELINE = "monitor"


@dataclass(frozen=True)
class Outcome:
    """What the step did.

    Attributes:
        decision: ``scheduled``, ``unchanged`` or ``skipped``.
        reason: Why, in one sentence.
        page: The same as HTML, with what is wanted.
    """

    decision: str
    reason: str
    page: str


def schedule(plan_folder: Path, model: str, overlay: str, run: str) -> Outcome:
    """Schedules monitoring for the model that a plan is about.

    Args:
        plan_folder: The plan artifact.
        model: The pipeline's parameter `model`, which the monitoring run gets too.
        overlay: The pipeline's parameter `overlay`.
        run: The run, for the audit.

    Raises:
        InputError: The target's schedule is damaged.
    """
    plan = Plan.of(plan_folder)
    wanted = Wanted(
        name=plan.spec.name,
        pipeline=PIPELINE,
        model=model,
        overlay=overlay,
        target=plan.spec.serving.target,
        every=plan.spec.monitoring.every,
    )
    decision, reason = _put(wanted, plan)
    outcome = Outcome(decision, reason, page_of(wanted, plan.as_of, decision, reason))
    entry = Entry(
        run=run,
        step="schedule",
        model=plan.spec.name,
        as_of=plan.as_of,
        version=plan.version,
        decision=outcome.decision,
        reason=outcome.reason,
        digests={**plan.digests, "plan": plan.digest, "schedule": wanted.digest},
    )
    audit.append(plan.spec.serving.audit_uri, entry)
    return outcome


def _put(wanted: Wanted, plan: Plan) -> tuple[str, str]:
    """Decision and reason."""
    if not wanted.target.startswith(SCHEME):
        reason = (
            f"{wanted.target} is no place on this machine, and what keeps recurring runs on a "
            "cluster is not part of this installation yet: nothing watches this model"
        )
        return "skipped", reason
    folder = parse_place(wanted.target).folder
    is_new = register.put(folder, wanted, parse_instant(plan.as_of))
    stands = register.read(folder)
    first = stands.first_due if stands else "unknown"
    every = wanted.model_dump(mode="json")["every"]
    reason = f"{PIPELINE} runs every {every}, first at {first}: {folder / register.SCHEDULE}"
    return "scheduled" if is_new else "unchanged", reason
