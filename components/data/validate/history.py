"""The history gate: what must be there before anyone trains."""

from collections.abc import Iterator

from components.core.artifacts import Lineage, SplitName
from components.core.plan import Plan
from components.core.spans import parse_instant
from components.core.units import format_duration
from components.core.verdict import Finding, Severity

_ENOUGH_DUE = 200  # rows of a span: the labelled share of fewer moves by chance


def judge_history(plan: Plan, lineage: Lineage, positives: int) -> Iterator[Finding]:
    """Holds the examples against the spec's ``history``; what is not known fails.

    Args:
        plan: The plan, with the spec's demands.
        lineage: What was prepared.
        positives: Positive rows among the training rows.
    """
    asked = plan.spec.history
    rows = lineage.splits.get(SplitName.TRAIN, 0)
    spans = sum(span.rows > 0 for span in lineage.spans)
    yield _least("history_spans", "spans with rows", spans, asked.spans)
    yield _least("history_rows", "labelled rows to train on", rows, asked.rows)
    yield _least("history_positives", "positive rows to train on", positives, asked.positives)
    negatives = rows - positives
    yield _least("history_negatives", "negative rows to train on", negatives, asked.positives)
    yield _labelled(lineage, asked.labelled)
    yield from _newest_labels(lineage, asked.labelled)
    yield _newest(plan, lineage)
    for split in (SplitName.RECENT, SplitName.REFERENCE):
        measured = lineage.splits.get(split, 0)
        yield _least("history_holdout", f"rows in the {split} holdout", measured, 1)


def _least(code: str, subject: str, measured: int, limit: int) -> Finding:
    enough = measured >= limit
    return Finding(
        code=code,
        severity=Severity.INFO if enough else Severity.FAIL,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=f"There are {measured:,} {subject}; at least {limit:,} are asked for.",
    )


def _labelled(lineage: Lineage, limit: float) -> Finding:
    due = sum(span.due for span in lineage.spans)
    share = sum(span.labelled for span in lineage.spans) / due if due else None
    enough = share is not None and share >= limit
    said = "None of the rows is" if share is None else f"{share:.1%} of the rows are"
    return Finding(
        code="history_labelled",
        severity=Severity.INFO if enough else Severity.FAIL,
        subject="share of due rows with a label",
        measured=None if share is None else round(share, 4),
        limit=limit,
        sentence=f"{said} old enough and labelled; at least {limit:.0%} are asked for."
        if share is None
        else f"{share:.1%} of the rows that are old enough have a label; at least {limit:.0%} "
        f"are asked for.",
    )


def _newest_labels(lineage: Lineage, limit: float) -> Iterator[Finding]:
    """Warns where the newest labels are missing, which a long history would hide."""
    judged = [span for span in lineage.spans if span.due >= _ENOUGH_DUE]
    if not judged or judged[-1].labelled >= limit * judged[-1].due:
        return
    share = judged[-1].labelled / judged[-1].due
    yield Finding(
        code="history_labelled",
        severity=Severity.WARN,
        subject=f"labels of {judged[-1].span}",
        measured=round(share, 4),
        limit=limit,
        sentence=f"Only {share:.1%} of the rows of {judged[-1].span} that are old enough have a "
        f"label: have all answers arrived?",
    )


def _newest(plan: Plan, lineage: Lineage) -> Finding:
    limit = plan.spec.history.newest
    age = parse_instant(plan.as_of) - parse_instant(lineage.newest) if lineage.newest else None
    return Finding(
        code="history_newest",
        severity=Severity.INFO if age is not None and age <= limit else Severity.FAIL,
        subject="age of the newest row",
        measured=None if age is None else format_duration(age),
        limit=format_duration(limit),
        sentence="There is no row."
        if age is None
        else f"The newest row is of {lineage.newest}; it may be {format_duration(limit)} old.",
    )
