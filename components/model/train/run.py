"""Trains the model of a plan and writes it with all that others need to evaluate and serve it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import numpy as np
import pyarrow as pa

from components import core
from components.core import audit
from components.core.artifacts import (
    GOLDEN,
    LIMITS,
    LINEAGE,
    MODEL_CARD,
    SAVED_MODEL,
    SCHEMA,
    STATISTICS,
    Limits,
    Lineage,
    ModelCard,
    SplitName,
    example_files,
)
from components.core.digest import digest_file, digest_of
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.tasks import task_of
from components.model.examples import inputs_of, make_golden, read_tables, select_golden_rows
from components.model.saved_model import SavedModelRunner
from components.model.train.learner import ServableModel, export_model
from components.model.train.report import render_report
from components.model.train.training import TrainingResult, labels_of, score_block, train_model

Metrics = Mapping[str, Mapping[str, float]]

_log = logging.getLogger(__name__)
_HOLDOUTS = (SplitName.RECENT, SplitName.REFERENCE)
_GOLDEN_CANDIDATES = 2_000


@dataclass(frozen=True)
class TrainFolders:
    """Where the step reads the plan, the examples, statistics and schema, and writes the model."""

    plan: Path
    examples: Path
    statistics: Path
    model: Path


@dataclass(frozen=True)
class TrainingOutcome:
    """What the step did; the reason is rows, epochs and the headline metric in one line."""

    decision: str
    reason: str
    metrics: Mapping[str, float]
    version: str
    page: str


def train(folders: TrainFolders, run: str) -> TrainingOutcome:
    """Trains and writes a model folder and the audit entry.

    Raises:
        InputError: There is nothing to train on, or the custom model cannot be used.
    """
    plan = Plan.of(folders.plan)
    rows = _read(folders.examples, SplitName.TRAIN, plan)
    if not rows.num_rows:
        raise InputError("training rows", 0, "at least one", "The history gate lets none pass.")
    _log.info("training on %d rows, %d features", rows.num_rows, len(plan.features))
    result = train_model(plan, folders.plan, rows)
    saved = folders.model / SAVED_MODEL
    export_model(ServableModel(result.learner, plan.spec.label.threshold), plan.columns, saved)
    runner = SavedModelRunner(saved, plan.columns)
    step = max(1, rows.num_rows // _GOLDEN_CANDIDATES)
    inputs = inputs_of(rows.take(np.arange(0, rows.num_rows, step)), plan.columns)
    golden = select_golden_rows(inputs, runner.probability_of(inputs), plan.columns)
    make_golden(golden, runner.probability_of(golden)).write(folders.model / GOLDEN)
    Limits(blocks=result.validation.scores).write(folders.model / LIMITS)
    for name in (STATISTICS.format(split=SplitName.TRAIN), SCHEMA):
        copyfile(folders.statistics / name, folders.model / name)
    metrics = {s.value: _measure(runner, folders.examples, s, plan) for s in _HOLDOUTS}
    card = _card(plan, result.weights, folders, metrics, run, rows.num_rows)
    card.write(folders.model / MODEL_CARD)
    outcome = _outcome(card, result)
    entry = audit.AuditEntry(
        run=run,
        step="train",
        model=card.name,
        as_of=card.as_of,
        version=card.version,
        decision=outcome.decision,
        reason=outcome.reason,
        digests=card.digests,
        details={"metrics": dict(outcome.metrics)},
    )
    audit.append(plan.spec.serving.audit_uri, entry)
    return outcome


def code_digest() -> str:
    """Names the code that a model is made by: the core, this step, and what it shares."""
    roots = (Path(core.__file__).parent, Path(__file__).parent)
    files = [*(p for root in roots for p in root.rglob("*.py")), *roots[1].parent.glob("*.py")]
    components = roots[0].parent
    named = sorted((path.relative_to(components).as_posix(), path) for path in files)
    return digest_of([[name, digest_file(path)] for name, path in named])


def _read(examples: Path, split: SplitName, plan: Plan) -> pa.Table:
    """The rows of a split: event time, raw columns and label, oldest span first."""
    spec = plan.spec
    names = [spec.data.primary.event_time, *(c.name for c in plan.columns), spec.label.name]
    tables = read_tables(example_files(examples, split), list(dict.fromkeys(names)))
    return pa.concat_tables(tables) if tables else pa.table({name: [] for name in names})


def _measure(
    runner: SavedModelRunner, examples: Path, split: SplitName, plan: Plan
) -> Mapping[str, float]:
    table = _read(examples, split, plan)
    if not table.num_rows:
        return {}
    label = labels_of(table, plan.spec.label.name)
    return score_block(split, label, runner.probability(table), task_of(plan.spec.task)).metrics


def _card(
    plan: Plan, weights: str, folders: TrainFolders, metrics: Metrics, run: str, rows: int
) -> ModelCard:
    spec = plan.spec
    return ModelCard(
        name=spec.name,
        version=plan.version,
        method="trained",
        task=spec.task,
        label=spec.label.name,
        threshold=spec.label.threshold,
        columns=plan.columns,
        key=spec.data.primary.key,
        event_time=spec.data.primary.event_time,
        as_of=plan.as_of,
        run=run,
        digests={
            **plan.digests,
            "plan": plan.digest,
            "examples": Lineage.read(folders.examples / LINEAGE).digest,
            "code": code_digest(),
            "weights": weights,
        },
        metrics={split: values for split, values in metrics.items() if values},
        rows=rows,
    )


def _outcome(card: ModelCard, result: TrainingResult) -> TrainingOutcome:
    task, epochs = task_of(card.task), result.validation.epochs
    headline = task.metrics[task.headline[0]]
    value = card.metrics.get(SplitName.RECENT, {}).get(headline.name)
    measured = f"{headline.label} {value:.3f}" if value is not None else f"no {headline.label}"
    reason = f"{card.version}: {card.rows:,} rows, {epochs} epochs, {measured} on the newest days"
    metrics = {
        f"{split} {name}": value for split, m in card.metrics.items() for name, value in m.items()
    }
    metrics |= {"rows": float(card.rows), "epochs": float(epochs)}
    page = render_report(card, result.validation.scores, epochs, task)
    return TrainingOutcome("trained", reason, metrics, card.version, page)
