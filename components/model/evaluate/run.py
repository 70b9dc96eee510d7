"""Evaluates: reads models and holdouts, applies the gates, and writes what was selected."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from components.core import audit
from components.core.artifacts import (
    LINEAGE,
    MODEL_CARD,
    VERDICT,
    Lineage,
    SplitName,
    example_files,
)
from components.core.behaviour import load_behaviour
from components.core.digest import digest_folder
from components.core.errors import InputError
from components.core.plan import Plan, model_file
from components.core.tasks import Curve, Task, task_of
from components.core.verdict import Finding, Severity, Verdict, finding
from components.model.evaluate.behavioral_tests import BehavioralTestData, run_behavioral_tests
from components.model.evaluate.candidates import (
    CHAMPION,
    RETRAINED,
    Candidates,
    load_candidates,
    recalibrated_card,
)
from components.model.evaluate.comparison import (
    Challenger,
    Holdouts,
    compare_candidates,
    score_slices,
    verdict_metrics,
)
from components.model.evaluate.gate import (
    apply_gates,
    select_challenger,
    validate_gates,
)
from components.model.evaluate.recalibration import export_recalibrated
from components.model.evaluate.report import Evaluation, render_report
from components.model.examples import LabelledRows, read_tables

_RECENT, _REFERENCE = SplitName.RECENT.value, SplitName.REFERENCE.value


@dataclass(frozen=True)
class EvaluateFolders:
    """Where the step reads and writes; `chosen` is the model to deploy, or only a card."""

    plan: Path
    examples: Path
    model: Path
    chosen: Path
    verdict: Path


@dataclass(frozen=True)
class EvaluationOutcome:
    """What the step found: of the chosen model, or of the retrained one if refused.

    The version is None if refused, the ROC curve None if not defined; curve and confusion (rows by
    true and predicted class) are those of the recent holdout.
    """

    verdict: Verdict
    version: str | None
    metrics: Mapping[str, float]
    roc: Curve | None
    classes: tuple[str, str]
    confusion: tuple[tuple[int, ...], ...]
    page: str


def evaluate(folders: EvaluateFolders, run: str) -> EvaluationOutcome:
    """Evaluates the challengers and writes the chosen model, the verdict and the audit entry.

    Raises:
        InputError: The spec's gates name a metric or a column that is not there.
    """
    plan = Plan.of(folders.plan)
    task = task_of(plan.spec.task)
    validate_gates(plan.spec.gates, task)
    holdouts = {
        split.value: LabelledRows.of(read_tables(example_files(folders.examples, split)), plan.spec)
        for split in (SplitName.RECENT, SplitName.REFERENCE)
    }
    with TemporaryDirectory() as scratch:
        models = load_candidates(plan, folders.examples, folders.model, holdouts, Path(scratch))
        found = _evaluation(plan, task, holdouts, models, folders.plan)
        _write_chosen(found, folders.chosen, run)
    verdict = _verdict(found, folders)
    verdict.write(folders.verdict / VERDICT)
    outcome = _outcome(found, verdict)
    entry = audit.entry_of(verdict, run, plan.spec.name, outcome.version)
    audit.append(plan.spec.serving.audit_uri, entry)
    return outcome


def _evaluation(
    plan: Plan, task: Task, holdouts: Holdouts, candidates: Candidates, files: Path
) -> Evaluation:
    """Measures the candidates, applies the gates and selects."""
    gates, predicted = plan.spec.gates, candidates.probabilities
    behaviour, failed = _behavioral_findings(plan, task, holdouts, candidates, files)
    champion = CHAMPION if CHAMPION in predicted else None
    comparisons = compare_candidates(task, gates, holdouts, predicted, champion)
    challengers = [
        Challenger(
            name,
            {holdout: bool(np.isfinite(values).all()) for holdout, values in p.items()},
            score_slices(task, gates, holdouts, p),
            behaviour.get(name, ()),
        )
        for name, p in predicted.items()
        if name != CHAMPION
    ]
    against_champion = plan.champion is not None
    results = [apply_gates(one, comparisons, gates, task, against_champion) for one in challengers]
    primary = task.metrics[task.primary_metric]
    recent = {n: values[primary.name] for n, values in comparisons[_RECENT].values.items()}
    conditions = (*candidates.conditions, *failed)
    selection = select_challenger(conditions, results, primary, recent)
    return Evaluation(plan, task, holdouts, candidates, comparisons, challengers, selection)


def _behavioral_findings(
    plan: Plan, task: Task, holdouts: Holdouts, candidates: Candidates, files: Path
) -> tuple[Mapping[str, tuple[Finding, ...]], tuple[Finding, ...]]:
    """Findings by challenger; and one that closes the gate if the tests cannot be run."""
    name = plan.spec.gates.behaviour
    tables = [rows for h in (_REFERENCE, _RECENT) if (rows := holdouts[h].rows).num_rows]
    if name is None or not tables:
        return {}, ()  # without rows the holdouts themselves close the gate
    try:
        text = model_file(files, name).read_text(encoding="utf-8")
        tests = load_behaviour(text, name)
        label = plan.spec.label.name
        data = BehavioralTestData(task, pa.concat_tables(tables), label, plan.columns)
        challengers = [c for c in candidates.models.values() if c.name != CHAMPION]
        run = {c.name: run_behavioral_tests(tests, data, c.predict, c.name) for c in challengers}
    except (OSError, UnicodeDecodeError, InputError) as error:
        reason = str(error).replace(str(files), "plan")
        text = f"The behaviour tests that the spec names cannot be run: {reason}"
        return {}, (finding("behaviour", Severity.FAIL, "behaviour tests", None, None, text),)
    return run, ()


def _write_chosen(found: Evaluation, folder: Path, run: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    models, name = found.candidates.models, found.selection.name
    if name is None:
        models[RETRAINED].card.write(folder / MODEL_CARD)
        return
    chosen = models[name]
    if chosen.scaling is None:
        copytree(chosen.folder, folder, dirs_exist_ok=True)
        return
    card = recalibrated_card(found.candidates, found.comparisons, found.plan, run)
    export_recalibrated(chosen.folder, chosen.scaling, card, folder)


def _verdict(found: Evaluation, folders: EvaluateFolders) -> Verdict:
    plan, selection = found.plan, found.selection
    digests = {
        "plan": plan.digest,
        "examples": Lineage.read(folders.examples / LINEAGE).digest,
        RETRAINED: digest_folder(folders.model),
    }
    if plan.champion is not None:
        digests[CHAMPION] = plan.champion.digest
    if selection.name is not None:
        digests["chosen"] = digest_folder(folders.chosen)
    return Verdict(
        step="evaluate",
        decision=selection.decision,
        reason=selection.reason,
        findings=selection.findings,
        as_of=plan.as_of,
        digests=digests,
        metrics=verdict_metrics(found.comparisons),
    )


def _outcome(found: Evaluation, verdict: Verdict) -> EvaluationOutcome:
    subject, task, label = found.selection.name or RETRAINED, found.task, found.plan.spec.label
    metrics = {
        f"{holdout} {task.metrics[metric].label}": round(value, 5)
        for holdout, comparison in found.comparisons.items()
        for metric, value in comparison.values[subject].items()
        if value is not None
    }
    true = found.holdouts[_RECENT].label
    predicted = found.candidates.probabilities[subject][_RECENT]
    return EvaluationOutcome(
        verdict=verdict,
        version=found.candidates.models[subject].version if found.selection.name else None,
        metrics=metrics,
        roc=task.curves["roc"](true, predicted),
        classes=(f"not {label.name}", label.name),
        confusion=task.confusion(true, predicted, label.threshold),
        page=render_report(found),
    )
