"""Runs all checks of validation and decides by their findings."""

from collections.abc import Iterable, Iterator, Mapping

from components.core.artifacts import Lineage, SplitName
from components.core.plan import Plan
from components.core.verdict import Finding, Severity, Verdict, finding, worst_first
from components.data.schema.schema import MAY_SHIFT, domain_of, parse_schema, tagged
from components.data.schema.statistics import anomaly_findings
from components.data.validate import span_shifts
from components.data.validate.column_checks import check_skew, check_target_leakage
from components.data.validate.examples import DatasetStatistics, LabelledExamples, usable_columns
from components.data.validate.lineage_checks import check_history, check_rows, check_sources
from components.data.validate.time_buckets import cut_time_buckets

PASS, STOP = "pass", "stop"


def run_checks(
    plan: Plan,
    lineage: Lineage,
    examples: LabelledExamples,
    schema: str | None,
    described: Mapping[str, DatasetStatistics],
) -> tuple[Finding, ...]:
    """Runs every check that has something to run on; no schema (None) stops."""
    fail, findings = Severity.FAIL, []
    if lineage.plan != plan.digest:
        text = "The examples were made for another plan than this run's."
        ids = (lineage.plan[:12], plan.digest[:12])
        findings.append(finding("other_plan", fail, "examples", *ids, text))
    findings += check_history(plan, lineage, _positives(plan, examples))
    findings += [*check_sources(plan, lineage), *check_rows(lineage)]
    if schema is None:
        subject = plan.spec.schema_file
        findings.append(finding("no_schema", fail, subject, 0, 1, "There is no schema."))
    for name, one in described.items():
        findings += anomaly_findings(one.anomalies, name)
    if not examples.rows:
        findings.append(finding("no_rows", fail, "examples", 0, 1, "There are no examples."))
    elif schema is not None:
        findings += _check_examples(plan, examples, schema)
    return tuple(findings)


def verdict_of(plan: Plan, lineage: Lineage, findings: Iterable[Finding]) -> Verdict:
    """The verdict: one failure stops."""
    ordered = worst_first(findings)
    failures = [f for f in ordered if f.severity is Severity.FAIL]
    warnings = sum(f.severity is Severity.WARN for f in ordered)
    labelled = sum(span.labelled for span in lineage.spans)
    positives = sum(span.positives for span in lineage.spans)
    digests = {"plan": plan.digest, "examples": lineage.digest}
    if failures:
        more = f" ({len(failures) - 1} more)" if len(failures) > 1 else ""
        reason = f"{failures[0].sentence}{more}"
    else:
        rows = lineage.splits.get(SplitName.TRAIN, 0)
        reason = f"{rows:,} training rows of {len(lineage.spans)} spans; {warnings} warning(s)."
    return Verdict(
        step="validate",
        decision=STOP if failures else PASS,
        reason=reason,
        findings=ordered,
        as_of=plan.as_of,
        digests=digests | {k: plan.digests[k] for k in ("schema",) if k in plan.digests},
        metrics={
            **{f"{split}_rows": float(rows) for split, rows in lineage.splits.items()},
            "failures": float(len(failures)),
            "warnings": float(warnings),
            "positives": positives / labelled if labelled else None,
        },
    )


def _check_examples(plan: Plan, examples: LabelledExamples, text: str) -> Iterator[Finding]:
    spec, schema = plan.spec, parse_schema(text, plan.spec.schema_file)
    event_time = spec.data.primary.event_time
    columns = usable_columns(plan.columns, examples)
    cut = {span.name: span for span in plan.time_spans}
    buckets = cut_time_buckets(examples.spans, event_time, cut)
    domains = {column.name: domain_of(schema, column.name) for column in columns}
    champion = plan.champion.as_of if plan.champion else None
    new = span_shifts.new_spans(buckets.names, cut, champion)
    shifts = span_shifts.measure_shifts(buckets, columns, domains, new)
    yield from span_shifts.shift_findings(shifts, buckets.names, new, tagged(schema, MAY_SHIFT))
    yield from check_skew(examples.splits, columns)
    train = examples.splits.get(SplitName.TRAIN)
    if train is not None:
        yield from check_target_leakage(train, columns, spec.label.name, event_time, spec.task)


def _positives(plan: Plan, examples: LabelledExamples) -> int:
    train = examples.splits.get(SplitName.TRAIN)
    return 0 if train is None else int(train[plan.spec.label.name].to_numpy().sum())
