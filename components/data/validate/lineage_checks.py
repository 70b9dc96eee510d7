"""Checks of what was prepared: enough history, fresh and complete sources, rows left out."""

from collections import Counter
from collections.abc import Iterator

from components.core.artifacts import Lineage, SourceState, SplitName
from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.spec import External
from components.core.units import format_duration
from components.core.verdict import Finding, Severity, fail_if, finding, warn_if

_MIN_DUE = 200  # rows of a span: the labelled share of fewer moves by chance
_COVERAGE = 0.9  # of the lowest coverage of an earlier span
_LEFT_OUT = {
    "duplicates": "were left out because a row before has the same key.",
    "keyless": "were left out because a part of their key, or their event time, is missing.",
    "outside": "were left out because they stand in the file of another span.",
}


def check_history(plan: Plan, lineage: Lineage, positives: int) -> Iterator[Finding]:
    """Checks the examples against the spec's ``history``; what is unknown fails."""
    history = plan.spec.history
    rows = lineage.splits.get(SplitName.TRAIN, 0)
    spans = sum(span.rows > 0 for span in lineage.spans)
    per_class, negatives = history.min_per_class, rows - positives
    yield _at_least("history_spans", "spans with rows", spans, history.min_spans)
    yield _at_least("history_rows", "labelled rows to train on", rows, history.min_rows)
    yield _at_least("history_positives", "positive rows to train on", positives, per_class)
    yield _at_least("history_negatives", "negative rows to train on", negatives, per_class)
    yield _labelled(lineage, history.min_labelled)
    yield from _newest_labels(lineage, history.min_labelled)
    yield _newest_row(plan, lineage)
    for split in (SplitName.RECENT, SplitName.REFERENCE):
        measured = lineage.splits.get(split, 0)
        yield _at_least("history_holdout", f"rows in the {split} holdout", measured, 1)


def check_sources(plan: Plan, lineage: Lineage) -> Iterator[Finding]:
    """Checks every external source as of the plan.

    An old source warns, because its next row may come any minute and the model accepts missing
    values. A history without any row, and a joined row from the future, fail.
    """
    for state in lineage.external:
        source = plan.spec.data.external[state.name]
        if source.event_time is not None:
            yield _freshness(plan, source, state)
            count = state.future_rows
            text = f"{count:,} example(s) were joined with a row of {state.name} that was not "
            text += "known yet."
            yield finding("future_rows", fail_if(count > 0), state.name, count, 0, text)
        yield _coverage(state.name, lineage)
        if state.duplicates:
            joined = "first" if source.event_time is None else "last"
            text = f"{state.duplicates:,} row(s) of {state.name} have the key of another; the "
            text += f"{joined} of each is joined."
            code, count = "source_duplicates", state.duplicates
            yield finding(code, Severity.WARN, state.name, count, None, text)


def check_rows(lineage: Lineage) -> Iterator[Finding]:
    """Reports which values were refused and which rows were left out, and why."""
    refused: Counter[str] = Counter()
    for span in lineage.spans:
        refused.update(span.refused)
    for rule, count in refused.items():
        text = f"{count:,} value(s) were refused by the rule {rule}."
        yield finding("refused", Severity.INFO, rule, count, None, text)
    for code, reason in _LEFT_OUT.items():
        count = sum(getattr(span, code) for span in lineage.spans)
        if count:
            text = f"{count:,} row(s) {reason}"
            yield finding(code, Severity.WARN, "primary table", count, None, text)


def _at_least(code: str, subject: str, measured: int, limit: int) -> Finding:
    text = f"There are {measured:,} {subject}; at least {limit:,} are required."
    return finding(code, fail_if(measured < limit), subject, measured, limit, text)


def _labelled(lineage: Lineage, limit: float) -> Finding:
    due = sum(span.due for span in lineage.spans)
    share = sum(span.labelled for span in lineage.spans) / due if due else None
    text = "No row is old enough to have a label"
    if share is not None:
        text = f"{share:.1%} of the rows that are old enough have a label"
    severity = fail_if(share is None or share < limit)
    measured = None if share is None else round(share, 4)
    text += f"; at least {limit:.0%} are required."
    subject = "share of due rows with a label"
    return finding("history_labelled", severity, subject, measured, limit, text)


def _newest_labels(lineage: Lineage, limit: float) -> Iterator[Finding]:
    """Warns if the newest labels are missing, which a long history would hide."""
    judged = [span for span in lineage.spans if span.due >= _MIN_DUE]
    if not judged or judged[-1].labelled >= limit * judged[-1].due:
        return
    name, share = judged[-1].span, judged[-1].labelled / judged[-1].due
    text = f"Only {share:.1%} of the rows of {name} that are old enough have a label: have all "
    text += "labels arrived?"
    subject, measured = f"labels of {name}", round(share, 4)
    yield finding("history_labelled", Severity.WARN, subject, measured, limit, text)


def _newest_row(plan: Plan, lineage: Lineage) -> Finding:
    newest, limit = lineage.newest, plan.spec.history.max_age
    accepted, age, severity, text = format_duration(limit), None, Severity.FAIL, "There is no row."
    if newest is not None:
        age = format_duration(plan.as_of - newest)
        severity = fail_if(plan.as_of - newest > limit)
        text = f"The newest row is of {format_instant(newest)}; it may be {accepted} old."
    return finding("history_newest", severity, "age of the newest row", age, accepted, text)


def _freshness(plan: Plan, source: External, state: SourceState) -> Finding:
    limit = source.max_staleness or source.max_age
    accepted = None if limit is None else format_duration(limit)
    if state.newest is None:
        text = f"{state.name} has no row that was known by then."
        return finding("freshness", Severity.FAIL, state.name, None, accepted, text)
    age = plan.as_of - state.newest
    text = f"The newest row of {state.name} that was known by {format_instant(plan.as_of)} is of "
    text += f"{format_instant(state.newest)}, {format_duration(age)} before."
    severity = warn_if(limit is not None and age > limit)
    return finding("freshness", severity, state.name, format_duration(age), accepted, text)


def _coverage(name: str, lineage: Lineage) -> Finding:
    shares = [span.joined[name] / span.rows for span in lineage.spans if span.rows]
    rows = sum(span.rows for span in lineage.spans)
    overall = sum(span.joined[name] for span in lineage.spans) / rows if rows else 0.0
    limit = _COVERAGE * min(shares[:-1]) if len(shares) > 1 else None
    severity = warn_if(overall == 0 or (limit is not None and shares[-1] < limit))
    newest = f", {shares[-1]:.1%} of the newest span" if shares else ""
    measured = round(shares[-1], 4) if shares else None
    text = f"{overall:.1%} of the rows have a row of {name}{newest}."
    accepted = None if limit is None else round(limit, 4)
    return finding("coverage", severity, name, measured, accepted, text)
