"""The page that says what watches a model from now on."""

from datetime import datetime

from components.core.spans import format_instant, next_boundary
from components.ops.schedule.local_schedule import LocalRecurringRun
from components.ops.schedule.reconcile import ReconcileResult
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.schedule.trigger import in_words, next_runs, trigger_of
from components.report.blocks import Banner, Block, Note
from components.report.page import Page, render
from components.report.tables import Facts
from components.report.text import Tone

_TONES: dict[str, Tone] = {"scheduled": "good", "unchanged": "good"}
_NEXT = 3


def page_of(wanted: LocalRecurringRun, as_of: datetime, decision: str, reason: str) -> str:
    """The page of a recurring run on this machine, as one HTML file.

    Args:
        wanted: The recurring run.
        as_of: The instant of the run that wants it.
        decision: ``scheduled`` or ``unchanged``.
        reason: Why, in one sentence.
    """
    said = wanted.model_dump(mode="json")
    facts = [(name, value) for name, value in said.items() if value != ""]
    due = [next_boundary(wanted.every, as_of)]
    while len(due) < _NEXT:
        due.append(next_boundary(wanted.every, due[-1]))
    facts.append(("falls due", in_words(trigger_of(wanted.every))))
    return _page(wanted.name, as_of, (decision, reason), [*facts, *_upcoming(due)])


def page_of_cluster(
    wanted: DesiredRecurringRun,
    as_of: datetime,
    settled: ReconcileResult,
    reason: str,
    now: datetime,
) -> str:
    """The page of a recurring run of Kubeflow Pipelines, as one HTML file.

    Args:
        wanted: The recurring run.
        as_of: The instant of the run that wants it.
        settled: What was done.
        reason: The same in one sentence.
        now: The present, after which it falls due; KFP keeps to the clock, whatever `as_of` is.
    """
    decision = (settled.decision, reason)
    if settled.left:
        note = Note(
            f"A file in git declares {settled.name}. What it says goes before what this run "
            "would have: change the file to change the recurring run."
        )
        return _page(wanted.model, as_of, decision, [("recurring run", settled.name)], note)
    trigger = wanted.trigger
    facts = [
        ("recurring run", settled.name),
        ("pipeline version", wanted.version),
        ("falls due", in_words(trigger)),
        ("schedule", trigger.cron or f"every {trigger.interval_s} seconds"),
        *((f"parameter {name}", value) for name, value in wanted.parameters.items() if value),
        ("namespace", wanted.namespace or "the one of Kubeflow Pipelines"),
        ("experiment", wanted.experiment),
        ("service account", wanted.service_account or "the one of Kubeflow Pipelines"),
        ("runs at once", "1; missed runs are not caught up"),
        *_upcoming(list(next_runs(trigger, now, _NEXT))),
    ]
    return _page(wanted.model, as_of, decision, facts)


def _page(
    model: str,
    as_of: datetime,
    decision: tuple[str, str],
    facts: list[tuple[str, str]],
    *more: Block,
) -> str:
    banner = Banner(*decision, _TONES[decision[0]])
    title = f"{model}: the recurring monitoring run"
    return render(Page(title, f"as of {format_instant(as_of)}", (banner, Facts(facts), *more)))


def _upcoming(due: list[datetime]) -> list[tuple[str, str]]:
    return [("next runs", ", ".join(format_instant(one) for one in due))]
