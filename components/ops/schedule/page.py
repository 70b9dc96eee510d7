"""The page that says what monitors a model from now on."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from components.core.spans import format_instant, next_boundary
from components.ops.schedule.local_schedule import LocalSchedule
from components.ops.schedule.reconcile import ReconcileResult
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.schedule.trigger import next_runs
from components.report.blocks import Banner, Note
from components.report.page import build_page

_NEXT = 3


def local_page(schedule: LocalSchedule, as_of: datetime, decision: str, reason: str) -> str:
    """The page of a recurring run on this machine, as one HTML file."""
    due = [next_boundary(schedule.every, as_of)]
    while len(due) < _NEXT:
        due.append(next_boundary(schedule.every, due[-1]))
    wanted = schedule.wanted
    facts = [
        ("pipeline", wanted.pipeline),
        ("falls due", wanted.trigger.text),
        *_parameters(wanted.parameters.model_dump()),
        _upcoming(due),
    ]
    banner = Banner(decision, reason, "good")
    return build_page(_title(wanted.model), banner=banner, as_of=as_of, facts=facts)


def cluster_page(
    desired: DesiredRecurringRun,
    as_of: datetime,
    made: ReconcileResult,
    reason: str,
    now: datetime,
) -> str:
    """The page of a recurring run of Kubeflow Pipelines, as one HTML file.

    KFP keeps to the clock: the next runs are those after `now`, whatever `as_of` is.
    """
    facts = [("recurring run", made.name)]
    note = Note(
        f"A file in git declares {made.name}, which goes before what this run would have: change "
        "the file to change the recurring run."
    )
    if not made.managed_by_git:
        facts += [
            ("pipeline version", desired.version),
            ("falls due", desired.trigger.text),
            *_parameters(desired.arguments),
            ("namespace", desired.namespace or "the one of Kubeflow Pipelines"),
            ("experiment", desired.experiment),
            ("service account", desired.service_account or "the default of Kubeflow Pipelines"),
            ("runs at once", "1; missed runs are not caught up"),
            _upcoming(next_runs(desired.trigger, now, _NEXT)),
        ]
    return build_page(
        _title(desired.model),
        banner=Banner(made.decision, reason, "good"),
        as_of=as_of,
        facts=facts,
        blocks=[note] if made.managed_by_git else [],
    )


def _title(model: str) -> str:
    return f"{model}: the recurring monitoring run"


def _parameters(given: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"parameter {name}", value) for name, value in given.items() if value]


def _upcoming(due: Sequence[datetime]) -> tuple[str, str]:
    return "next runs", ", ".join(format_instant(one) for one in due)
