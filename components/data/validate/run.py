"""Validates the examples of a plan: runs all checks, writes statistics, verdict and report."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core import audit
from components.core.artifacts import LINEAGE, SCHEMA, STATISTICS, VERDICT, Lineage, SplitName
from components.core.plan import Plan, model_file
from components.core.verdict import Finding, Severity, Verdict, finding, worst_first
from components.data.schema.schema import domain_of, may_shift, parse_schema
from components.data.schema.statistics import anomaly_findings, write_statistics
from components.data.validate import span_shifts
from components.data.validate.column_checks import check_skew, check_target_leakage
from components.data.validate.examples import (
    DatasetStatistics,
    LabelledExamples,
    describe_datasets,
    read_examples,
    usable_columns,
)
from components.data.validate.lineage_checks import check_history, check_rows, check_sources
from components.data.validate.page import render_page
from components.data.validate.time_buckets import cut_time_buckets

ANOMALIES = "{split}.anomalies.pbtxt"


@dataclass(frozen=True)
class ValidationPaths:
    """The artifacts of plan and prepare, and what is written.

    That is statistics and anomalies of each split and of the newest span, with the schema; the
    folder of ``verdict.json``; and the HTML file.
    """

    plan: Path
    examples: Path
    statistics: Path
    verdict: Path
    report: Path


def validate(paths: ValidationPaths, run: str) -> Verdict:
    """Validates the examples of a plan.

    Raises:
        InputError: The schema cannot be read.
    """
    plan = Plan.of(paths.plan)
    lineage = Lineage.read(paths.examples / LINEAGE)
    examples = read_examples(paths.examples, plan.spec.data.primary.event_time)
    file = model_file(paths.plan, plan.spec.schema_file)
    text = file.read_text(encoding="utf-8") if file.is_file() else None
    schema = None if text is None else parse_schema(text, plan.spec.schema_file)
    columns = [*(column.name for column in plan.columns), plan.spec.label.name]
    described = {} if schema is None else describe_datasets(examples, schema, columns)
    _write(paths.statistics, text, described)
    verdict = verdict_of(plan, lineage, run_checks(plan, lineage, examples, schema, described))
    verdict.write(paths.verdict / VERDICT)
    entry = audit.entry_of(verdict, run, plan.spec.name, plan.version)
    audit.append(plan.spec.serving.audit_uri, entry)
    paths.report.parent.mkdir(parents=True, exist_ok=True)
    paths.report.write_text(render_page(plan, lineage, examples, verdict), encoding="utf-8")
    return verdict


def run_checks(
    plan: Plan,
    lineage: Lineage,
    examples: LabelledExamples,
    schema: schema_pb2.Schema | None,
    described: Mapping[str, DatasetStatistics],
) -> Iterator[Finding]:
    """Runs every check that has something to run on; no schema (None) stops."""
    train = examples.splits.get(SplitName.TRAIN)
    positives = 0 if train is None else int(train[plan.spec.label.name].to_numpy().sum())
    if lineage.plan != plan.digest:
        text = "The examples were made for another plan than this run's."
        ids = (lineage.plan[:12], plan.digest[:12])
        yield finding("other_plan", Severity.FAIL, "examples", *ids, text)
    yield from check_history(plan, lineage, positives)
    yield from check_sources(plan, lineage)
    yield from check_rows(lineage)
    if schema is None:
        subject, text = plan.spec.schema_file, "There is no schema."
        yield finding("no_schema", Severity.FAIL, subject, 0, 1, text)
    for name, one in described.items():
        yield from anomaly_findings(one.anomalies, name)
    if not examples.rows:
        yield finding("no_rows", Severity.FAIL, "examples", 0, 1, "There are no examples.")
    elif schema is not None:
        yield from _check_examples(plan, examples, schema)


def verdict_of(plan: Plan, lineage: Lineage, findings: Iterable[Finding]) -> Verdict:
    """The verdict, ``pass`` or ``stop``: one failure stops."""
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
        decision="stop" if failures else "pass",
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


def _check_examples(
    plan: Plan, examples: LabelledExamples, schema: schema_pb2.Schema
) -> Iterator[Finding]:
    spec, event_time = plan.spec, plan.spec.data.primary.event_time
    columns = usable_columns(plan.columns, examples)
    cut = {span.name: span for span in plan.time_spans}
    buckets = cut_time_buckets(examples.spans, event_time, cut)
    domains = {column.name: domain_of(schema, column.name) for column in columns}
    champion = plan.champion.as_of if plan.champion else None
    new = span_shifts.new_spans(buckets.names, cut, champion)
    shifts = span_shifts.measure_shifts(buckets, columns, domains, new)
    yield from span_shifts.shift_findings(shifts, buckets.names, new, may_shift(schema))
    yield from check_skew(examples.splits, columns)
    train = examples.splits.get(SplitName.TRAIN)
    if train is not None:
        yield from check_target_leakage(train, columns, spec.label.name, event_time, spec.task)


def _write(folder: Path, schema: str | None, described: Mapping[str, DatasetStatistics]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if schema is not None:
        (folder / SCHEMA).write_text(schema, encoding="utf-8")
    for name, one in described.items():
        # The newest span is stored under one name, whichever it is.
        stem = name if name in list(SplitName) else "newest"
        write_statistics(one.statistics, folder / STATISTICS.format(split=stem))
        text = text_format.MessageToString(one.anomalies)
        (folder / ANOMALIES.format(split=stem)).write_text(text, encoding="utf-8")
