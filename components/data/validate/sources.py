"""What the sources gave: freshness, rows from the future, joins, refusals, rows left out."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from components.core.artifacts import Lineage, SourceState, SpanCount
from components.core.plan import Plan
from components.core.spans import parse_instant
from components.core.spec import External
from components.core.units import format_duration
from components.core.verdict import Finding, Severity

_COVERAGE = 0.9  # of the least that an earlier span had


def judge_sources(plan: Plan, lineage: Lineage) -> Iterator[Finding]:
    """Judges every external source as of the plan.

    An old source warns, for the next row may come any minute and the model bears missing values;
    a history without any row, and a joined row from the future, fail.
    """
    for state in lineage.external:
        source = plan.spec.data.external[state.name]
        if source.event_time is not None:
            yield _freshness(plan, source, state)
            yield _future(state)
        yield _coverage(state.name, lineage)
        if state.duplicates:
            yield _repeated(source, state)


def judge_rows(lineage: Lineage) -> Iterator[Finding]:
    """Says which values were refused and which rows were left out, and why."""
    refused: Counter[str] = Counter()
    for span in lineage.spans:
        refused.update(span.refused)
    for rule, count in refused.items():
        sentence = f"{count:,} value(s) were refused by the rule {rule}."
        yield _count("refused", Severity.INFO, rule, count, sentence)
    for code, sentence in _LEFT_OUT.items():
        count = sum(getattr(span, code) for span in lineage.spans)
        if count:
            yield _count(
                code, Severity.WARN, "primary table", count, f"{count:,} row(s) {sentence}"
            )


_LEFT_OUT = {
    "duplicates": "were left out because a row before has the same key.",
    "keyless": "were left out because a part of their key, or their event time, is missing.",
    "outside": "were left out because they stand in the file of another span.",
}


def _count(code: str, severity: Severity, subject: str, count: int, sentence: str) -> Finding:
    return Finding(
        code=code, severity=severity, subject=subject, measured=count, limit=None, sentence=sentence
    )


def _freshness(plan: Plan, source: External, state: SourceState) -> Finding:
    limit = source.fresh_within or source.max_age
    if state.newest is None:
        severity, sentence = Severity.FAIL, f"{state.name} has no row that was known by then."
        age: timedelta | None = None
    else:
        age = parse_instant(plan.as_of) - parse_instant(state.newest)
        old = limit is not None and age > limit
        severity = Severity.WARN if old else Severity.INFO
        sentence = f"The newest row of {state.name} that was known by {plan.as_of} is of "
        sentence += f"{state.newest}, {format_duration(age)} before."
    return Finding(
        code="freshness",
        severity=severity,
        subject=state.name,
        measured=None if age is None else format_duration(age),
        limit=None if limit is None else format_duration(limit),
        sentence=sentence,
    )


def _future(state: SourceState) -> Finding:
    return Finding(
        code="future_rows",
        severity=Severity.FAIL if state.future_rows else Severity.INFO,
        subject=state.name,
        measured=state.future_rows,
        limit=0,
        sentence=f"{state.future_rows:,} example(s) were joined with a row of {state.name} that "
        f"was not known yet.",
    )


def _coverage(name: str, lineage: Lineage) -> Finding:
    shares = [_share(span, name) for span in lineage.spans if span.rows]
    rows = sum(span.rows for span in lineage.spans)
    overall = sum(span.joined[name] for span in lineage.spans) / rows if rows else 0.0
    limit = _COVERAGE * min(shares[:-1]) if len(shares) > 1 else None
    fell = overall == 0 or (limit is not None and shares[-1] < limit)
    newest = f", {shares[-1]:.1%} of the newest span" if shares else ""
    return Finding(
        code="coverage",
        severity=Severity.WARN if fell else Severity.INFO,
        subject=name,
        measured=round(shares[-1], 4) if shares else None,
        limit=None if limit is None else round(limit, 4),
        sentence=f"{overall:.1%} of the rows have a row of {name}{newest}.",
    )


def _share(span: SpanCount, name: str) -> float:
    return span.joined[name] / span.rows


def _repeated(source: External, state: SourceState) -> Finding:
    taken = "first" if source.event_time is None else "last"
    sentence = (
        f"{state.duplicates:,} row(s) of {state.name} have the key of another; the {taken} of "
        f"each is joined."
    )
    return _count("source_duplicates", Severity.WARN, state.name, state.duplicates, sentence)
