"""Validates the examples of a plan: statistics, verdict and report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from components.core import audit
from components.core.artifacts import LINEAGE, SCHEMA, STATISTICS, VERDICT, Lineage, SplitName
from components.core.plan import Plan, model_file
from components.core.verdict import Verdict
from components.data.schema.schema import parse_schema
from components.data.schema.statistics import write_statistics
from components.data.validate.checks import run_checks, verdict_of
from components.data.validate.examples import DatasetStatistics, describe_datasets, read_examples
from components.data.validate.page import render_page

ANOMALIES = "{split}.anomalies.pbtxt"


@dataclass(frozen=True)
class ValidationFolders:
    """The artifacts of the step.

    Attributes:
        plan: The plan, with the committed schema.
        examples: The prepared examples.
        statistics: Output: statistics and anomalies of each split and of the newest span, and the
            schema.
        verdict: Output: ``verdict.json``.
    """

    plan: Path
    examples: Path
    statistics: Path
    verdict: Path


@dataclass(frozen=True)
class ValidationResult:
    """The result of the step.

    Attributes:
        verdict: ``pass`` or ``stop``, and why.
        page: The report, HTML.
    """

    verdict: Verdict
    page: str


def validate(folders: ValidationFolders, run: str) -> ValidationResult:
    """Validates the examples of a plan.

    Raises:
        InputError: The schema cannot be read.
    """
    plan = Plan.of(folders.plan)
    lineage = Lineage.read(folders.examples / LINEAGE)
    examples = read_examples(folders.examples, plan.spec.data.primary.event_time)
    file = model_file(folders.plan, plan.spec.schema_file)
    schema = file.read_text(encoding="utf-8") if file.is_file() else None
    described: Mapping[str, DatasetStatistics] = {}
    if schema is not None:
        columns = [*(column.name for column in plan.columns), plan.spec.label.name]
        parsed = parse_schema(schema, plan.spec.schema_file)
        described = describe_datasets(examples, parsed, columns)
    _write(folders.statistics, schema, described)
    verdict = verdict_of(plan, lineage, run_checks(plan, lineage, examples, schema, described))
    verdict.write(folders.verdict / VERDICT)
    entry = audit.entry_of(verdict, run, plan.spec.name, plan.version)
    audit.append(plan.spec.serving.audit_uri, entry)
    return ValidationResult(verdict, render_page(plan, lineage, examples, verdict))


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
