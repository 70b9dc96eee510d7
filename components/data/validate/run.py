"""Validates the examples of a plan: statistics, verdict and report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from components.core import audit
from components.core.artifacts import LINEAGE, SCHEMA, STATISTICS, VERDICT, Lineage, SplitName
from components.core.plan import Plan, model_file
from components.core.verdict import Verdict
from components.data.statistics import write_statistics
from components.data.validate.dataset_statistics import Described, describe
from components.data.validate.judgement import judge, verdict_of
from components.data.validate.page import page_of
from components.data.validate.rows import read_examples
from components.data.validate.schema import parse_schema

ANOMALIES = "{split}.anomalies.pbtxt"


@dataclass(frozen=True)
class Folders:
    """The artifacts of the step.

    Attributes:
        plan: The plan, with the committed schema.
        examples: The prepared examples.
        statistics: To fill: statistics and anomalies of each split and of the newest span, and
            the schema that they were held against.
        verdict: To write ``verdict.json`` into.
    """

    plan: Path
    examples: Path
    statistics: Path
    verdict: Path


@dataclass(frozen=True)
class Validated:
    """What validation found.

    Attributes:
        verdict: ``pass`` or ``stop``, and why.
        page: The report, HTML.
    """

    verdict: Verdict
    page: str


def validate(folders: Folders, run: str) -> Validated:
    """Judges the examples of a plan.

    Args:
        folders: Where everything is.
        run: The run, for the audit.

    Raises:
        InputError: The schema cannot be read.
    """
    plan = Plan.of(folders.plan)
    lineage = Lineage.read(folders.examples / LINEAGE)
    examples = read_examples(folders.examples, plan.spec.data.primary.event_time)
    schema = _read_schema(folders.plan, plan)
    described: Mapping[str, Described] = {}
    if schema is not None:
        columns = [*(column.name for column in plan.columns), plan.spec.label.name]
        described = describe(examples, parse_schema(schema, plan.spec.schema_file), columns)
    _write(folders.statistics, schema, described)
    verdict = verdict_of(plan, lineage, judge(plan, lineage, examples, schema, described))
    verdict.write(folders.verdict / VERDICT)
    entry = audit.entry_of(verdict, run, plan.spec.name, plan.version)
    audit.append(plan.spec.serving.audit_uri, entry)
    return Validated(verdict, page_of(plan, lineage, examples, verdict))


def _read_schema(plan_folder: Path, plan: Plan) -> str | None:
    file = model_file(plan_folder, plan.spec.schema_file)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _write(folder: Path, schema: str | None, described: Mapping[str, Described]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if schema is not None:
        (folder / SCHEMA).write_text(schema, encoding="utf-8")
    for name, one in described.items():
        # The newest span is judged but kept under one name, whatever it is called.
        stem = name if name in list(SplitName) else "newest"
        write_statistics(one.statistics, folder / STATISTICS.format(split=stem))
        text = text_format.MessageToString(one.anomalies)
        (folder / ANOMALIES.format(split=stem)).write_text(text, encoding="utf-8")
