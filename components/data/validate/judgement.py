"""All checks of validation, each a few findings; together they are the verdict."""

from collections.abc import Iterable, Iterator, Mapping

from components.core.artifacts import Lineage, SplitName
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, worst_first
from components.data.validate import drift
from components.data.validate.anomalies import findings_of
from components.data.validate.dataset_statistics import Described
from components.data.validate.history import judge_history
from components.data.validate.leaks import judge_leaks
from components.data.validate.pieces import cut_pieces
from components.data.validate.rows import Examples, usable_columns
from components.data.validate.schema import MAY_SHIFT, domain_of, parse_schema, tagged
from components.data.validate.skew import judge_skew
from components.data.validate.sources import judge_rows, judge_sources

PASS, STOP = "pass", "stop"


def judge(
    plan: Plan,
    lineage: Lineage,
    examples: Examples,
    schema: str | None,
    described: Mapping[str, Described],
) -> tuple[Finding, ...]:
    """Runs every check that there is something to run on.

    Args:
        plan: The plan.
        lineage: What was prepared.
        examples: The examples.
        schema: The committed schema's text; None: there is none, which stops.
        described: Dataset to statistics and anomalies.
    """
    findings = [*_fit(plan, lineage), *judge_history(plan, lineage, _positives(plan, examples))]
    findings += [*judge_sources(plan, lineage), *judge_rows(lineage)]
    if schema is None:
        findings.append(_nothing("no_schema", plan.spec.schema_file, "There is no schema."))
    for name, one in described.items():
        findings += findings_of(one.anomalies, name)
    if not examples.rows:
        findings.append(_nothing("no_rows", "examples", "There are no examples."))
    elif schema is not None:
        findings += _of_rows(plan, examples, schema)
    return tuple(findings)


def verdict_of(plan: Plan, lineage: Lineage, findings: Iterable[Finding]) -> Verdict:
    """The decision: one failure stops."""
    ordered = worst_first(findings)
    failures = [f for f in ordered if f.severity is Severity.FAIL]
    labelled = sum(span.labelled for span in lineage.spans)
    positives = sum(span.positives for span in lineage.spans)
    return Verdict(
        step="validate",
        decision=STOP if failures else PASS,
        reason=_reason(failures, ordered, lineage),
        findings=ordered,
        as_of=plan.as_of,
        digests={"plan": plan.digest, "examples": lineage.digest, **_schema_digest(plan)},
        metrics={
            **{f"{split}_rows": float(rows) for split, rows in lineage.splits.items()},
            "failures": float(len(failures)),
            "warnings": float(sum(f.severity is Severity.WARN for f in ordered)),
            "positives": positives / labelled if labelled else None,
        },
    )


def _of_rows(plan: Plan, examples: Examples, schema_text: str) -> Iterator[Finding]:
    spec, schema = plan.spec, parse_schema(schema_text, plan.spec.schema_file)
    event_time = spec.data.primary.event_time
    columns = usable_columns(plan.columns, examples)
    cut = {span.name: span for span in plan.cut}
    pieces = cut_pieces(examples.spans, event_time, cut)
    domains = {column.name: domain_of(schema, column.name) for column in columns}
    champion = plan.champion.as_of if plan.champion else None
    new = drift.new_spans(pieces.names, cut, champion)
    judged = drift.judge_spans(pieces, columns, domains, new)
    yield from drift.findings_of(judged, pieces.names, new, tagged(schema, MAY_SHIFT))
    yield from judge_skew(examples.splits, columns)
    train = examples.splits.get(SplitName.TRAIN)
    if train is not None:
        yield from judge_leaks(train, columns, spec.label.name, event_time, spec.task)


def _positives(plan: Plan, examples: Examples) -> int:
    train = examples.splits.get(SplitName.TRAIN)
    return 0 if train is None else int(train[plan.spec.label.name].to_numpy().sum())


def _fit(plan: Plan, lineage: Lineage) -> Iterator[Finding]:
    if lineage.plan != plan.digest:
        yield Finding(
            code="other_plan",
            severity=Severity.FAIL,
            subject="examples",
            measured=lineage.plan[:12],
            limit=plan.digest[:12],
            sentence="The examples were made for another plan than this run's.",
        )


def _nothing(code: str, subject: str, sentence: str) -> Finding:
    return Finding(
        code=code, severity=Severity.FAIL, subject=subject, measured=0, limit=1, sentence=sentence
    )


def _reason(failures: list[Finding], findings: tuple[Finding, ...], lineage: Lineage) -> str:
    if failures:
        more = f" ({len(failures) - 1} more)" if len(failures) > 1 else ""
        return f"{failures[0].sentence}{more}"
    warnings = sum(f.severity is Severity.WARN for f in findings)
    rows = lineage.splits.get(SplitName.TRAIN, 0)
    return f"{rows:,} training rows of {len(lineage.spans)} spans; {warnings} warning(s)."


def _schema_digest(plan: Plan) -> dict[str, str]:
    return {"schema": plan.digests["schema"]} if "schema" in plan.digests else {}
