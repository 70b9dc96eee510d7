"""Trains the model of a plan and writes it with all that others need to judge and serve it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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
from components.core.audit import AuditEntry
from components.core.digest import digest_file, digest_of
from components.core.errors import InputError
from components.core.plan import Plan
from components.core.tasks import task_of
from components.model.golden_rows import make_golden, select_golden_rows
from components.model.predict import SavedModelPredictor, inputs_of
from components.model.train.cross_validation import score_block
from components.model.train.learner import ServableModel, export_model
from components.model.train.report import render_report
from components.model.train.training import TrainingResult, labels_of, train_model

_log = logging.getLogger(__name__)
_HOLDOUTS = (SplitName.RECENT, SplitName.REFERENCE)


@dataclass(frozen=True)
class TrainFolders:
    """The artifacts of the step.

    Attributes:
        plan: The plan.
        examples: The prepared examples.
        statistics: Statistics of the training rows, and the schema.
        model: The folder to write.
    """

    plan: Path
    examples: Path
    statistics: Path
    model: Path


@dataclass(frozen=True)
class TrainingOutcome:
    """What the step did.

    Attributes:
        decision: ``trained``.
        reason: Rows and the task's most telling metric on the newest days, in one line.
        metrics: Values for the dashboard.
        version: The model's version.
        page: The report as HTML.
    """

    decision: str
    reason: str
    metrics: Mapping[str, float]
    version: str
    page: str


def train(folders: TrainFolders, run: str) -> TrainingOutcome:
    """Trains and writes a model folder.

    Args:
        folders: Where everything is.
        run: The id of this run.

    Raises:
        InputError: There is nothing to train on, or the user's own model cannot be used.
    """
    plan = Plan.of(folders.plan)
    rows = read_split(folders.examples, SplitName.TRAIN, plan)
    _log.info("training on %d rows, %d features", rows.num_rows, len(plan.features))
    made = train_model(plan, folders.plan, rows)
    saved = folders.model / SAVED_MODEL
    exported = ServableModel(made.learner.parts, made.learner.logit, plan.spec.label.threshold)
    export_model(exported, plan.columns, saved)
    predictor = SavedModelPredictor(saved)
    _write_golden(predictor, rows, plan, folders.model)
    Limits(blocks=made.held_out.scores).write(folders.model / LIMITS)
    for name in (STATISTICS.format(split=SplitName.TRAIN), SCHEMA):
        copyfile(folders.statistics / name, folders.model / name)
    metrics = {s.value: _measure(predictor, folders.examples, s, plan) for s in _HOLDOUTS}
    card = _card(plan, made, folders, metrics, (run, rows.num_rows))
    card.write(folders.model / MODEL_CARD)
    outcome = _outcome(card, made)
    audit.append(plan.spec.serving.audit_uri, _entry(card, outcome))
    return outcome


def read_split(examples: Path, split: SplitName, plan: Plan) -> pa.Table:
    """The rows of a split: event time, raw columns and label, oldest span first.

    Raises:
        InputError: It is the training split and has no rows.
    """
    spec = plan.spec
    names = [spec.data.primary.event_time, *(c.name for c in plan.columns), spec.label.name]
    tables = [
        pq.read_table(file, columns=list(dict.fromkeys(names)), partitioning=None)
        for file in example_files(examples, split)
    ]
    if split is SplitName.TRAIN and not sum(t.num_rows for t in tables):
        raise InputError("training rows", 0, "at least one", "The history gate lets none pass.")
    return pa.concat_tables(tables) if tables else pa.table({name: [] for name in names})


def code_digest() -> str:
    """Names the code that a model is made by: the core and this step."""
    roots = (Path(core.__file__).parent, Path(__file__).parent)
    files = sorted((r.name, p.relative_to(r).as_posix(), p) for r in roots for p in r.rglob("*.py"))
    return digest_of([[root, name, digest_file(path)] for root, name, path in files])


def _write_golden(predictor: SavedModelPredictor, rows: pa.Table, plan: Plan, folder: Path) -> None:
    """Golden rows are chosen from every few rows of the training split, by what it answers."""
    few = rows.take(np.arange(0, rows.num_rows, max(1, rows.num_rows // 2_000)))
    inputs = inputs_of(few, plan.columns)
    chosen = select_golden_rows(inputs, predictor.probability_of(inputs), plan.columns)
    make_golden(chosen, predictor.probability_of(chosen)).write(folder / GOLDEN)


def _measure(
    predictor: SavedModelPredictor, examples: Path, split: SplitName, plan: Plan
) -> Mapping[str, float]:
    table = read_split(examples, split, plan)
    if not table.num_rows:
        return {}
    label = labels_of(table, plan.spec.label.name)
    probability = predictor.probability(table, plan.columns)
    return score_block(split, label, probability, task_of(plan.spec.task)).metrics


def _card(
    plan: Plan,
    made: TrainingResult,
    folders: TrainFolders,
    metrics: Mapping[str, Mapping[str, float]],
    run_rows: tuple[str, int],
) -> ModelCard:
    spec = plan.spec
    run, rows = run_rows
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
            "weights": made.weights,
        },
        metrics={split: values for split, values in metrics.items() if values},
        rows=rows,
    )


def _outcome(card: ModelCard, made: TrainingResult) -> TrainingOutcome:
    numbers = {
        f"{split} {name}": value for split, m in card.metrics.items() for name, value in m.items()
    }
    telling = task_of(card.task).metrics[task_of(card.task).headline[0]]
    value = card.metrics.get(SplitName.RECENT, {}).get(telling.name)
    measured = f"{telling.label} {value:.3f}" if value is not None else f"no {telling.label}"
    epochs = made.held_out.epochs
    reason = f"{card.version}: {card.rows:,} rows, {epochs} epochs, {measured} on the newest days"
    numbers |= {"rows": float(card.rows), "epochs": float(epochs)}
    page = render_report(card, made.held_out.scores, epochs, task_of(card.task))
    return TrainingOutcome("trained", reason, numbers, card.version, page)


def _entry(card: ModelCard, outcome: TrainingOutcome) -> AuditEntry:
    return AuditEntry(
        run=card.run,
        step="train",
        model=card.name,
        as_of=card.as_of,
        version=card.version,
        decision=outcome.decision,
        reason=outcome.reason,
        digests=card.digests,
        details={"metrics": dict(outcome.metrics)},
    )
