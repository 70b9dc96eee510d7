"""Evaluates: reads models and holdouts, lets the gate judge, and writes what it chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from components.core import audit
from components.core.artifacts import LINEAGE, MODEL_CARD, VERDICT, Lineage, SplitName
from components.core.behaviour import load_behaviour
from components.core.digest import digest_folder
from components.core.errors import InputError
from components.core.plan import Plan, model_file
from components.core.tasks import Curve, Task, task_of
from components.core.verdict import Finding, Verdict
from components.model.evaluate.behavioral_tests import BehavioralTestData, run_behavioral_tests
from components.model.evaluate.candidates import (
    CHAMPION,
    RETRAINED,
    Candidates,
    facts_of,
    load_candidates,
    recalibrated_card,
)
from components.model.evaluate.comparison import (
    CandidateComparison,
    HoldoutCurves,
    compare_candidates,
    draw_curves,
    verdict_metrics,
)
from components.model.evaluate.gate import apply_gates, behavioral_tests_failed, validate_gates
from components.model.evaluate.recalibration import Recalibrated, export_recalibrated
from components.model.evaluate.report import EvaluationReport, render_report
from components.model.evaluate.selection import Selection, select_challenger
from components.model.examples import LabelledRows, concat_rows, read_labelled

STEP = "evaluate"
_RECENT, _REFERENCE = SplitName.RECENT.value, SplitName.REFERENCE.value

Holdouts = Mapping[str, LabelledRows]
Trials = Mapping[str, tuple[Finding, ...]]


@dataclass(frozen=True)
class EvaluateFolders:
    """Where the step reads and writes.

    Attributes:
        plan: The plan artifact.
        examples: The examples.
        model: The retrained model.
        chosen: To write: the model folder to deploy; refused, only the retrained model's card.
        verdict: To write: verdict.json.
    """

    plan: Path
    examples: Path
    model: Path
    chosen: Path
    verdict: Path


@dataclass(frozen=True)
class EvaluationOutcome:
    """What the step found.

    Attributes:
        verdict: The decision and its findings.
        version: The version of the model chosen; None: refused.
        metrics: For the dashboard: holdout and metric of the model that the decision is about.
        roc: Its ROC curve on the recent holdout; None where there is none.
        classes: The names of the classes.
        confusion: Rows by true and predicted class on the recent holdout.
        page: The report as HTML.
    """

    verdict: Verdict
    version: str | None
    metrics: Mapping[str, float]
    roc: Curve | None
    classes: tuple[str, str]
    confusion: tuple[tuple[int, ...], ...]
    page: str


def evaluate(folders: EvaluateFolders, run: str) -> EvaluationOutcome:
    """Judges the challengers and writes the chosen model and the verdict.

    Args:
        folders: Where to read and write.
        run: The run, for the audit and the model's card.

    Raises:
        InputError: The spec's gates name a metric or a column that is not there.
    """
    plan = Plan.of(folders.plan)
    task = task_of(plan.spec.task)
    validate_gates(plan.spec.gates, task)
    holdouts = {
        split.value: read_labelled(folders.examples, split, plan.spec)
        for split in (SplitName.RECENT, SplitName.REFERENCE)
    }
    with TemporaryDirectory() as scratch:
        field = load_candidates(plan, folders.examples, folders.model, holdouts, Path(scratch))
        contest, choice, shown = _hold(plan, task, holdouts, field, folders.plan)
        _write_chosen(choice, field, contest, plan, folders, run)
    verdict = _verdict(plan, choice, contest, folders)
    verdict.write(folders.verdict / VERDICT)
    version = field.contenders[choice.name].version if choice.name else None
    entry = audit.entry_of(verdict, run, plan.spec.name, version)
    audit.append(plan.spec.serving.audit_uri, entry)
    return _evaluated(plan, task, holdouts, field, verdict, shown)


def _hold(
    plan: Plan, task: Task, holdouts: Holdouts, field: Candidates, files: Path
) -> tuple[CandidateComparison, Selection, EvaluationReport]:
    """Measures, judges and chooses."""
    gates = plan.spec.gates
    trials, untried = _try(plan, task, holdouts, field, files)
    champion = CHAMPION if CHAMPION in field.contenders else None
    contest = compare_candidates(task, gates, holdouts, field.probabilities, champion, trials)
    compared = plan.champion is not None
    judgements = tuple(apply_gates(one, gates, task, compared) for one in contest.challengers)
    values = contest.comparisons[_RECENT].values
    recent = {name: found[task.primary_metric] for name, found in values.items()}
    conditions = (*field.conditions, *untried)
    choice = select_challenger(conditions, judgements, task.metrics[task.primary_metric], recent)
    drawings: dict[str, HoldoutCurves] = {
        name: draw_curves(task, name, rows, field.probabilities) for name, rows in holdouts.items()
    }
    slices = {one.name: tuple(one.slices) for one in contest.challengers}
    facts = facts_of(field, plan)
    shown = EvaluationReport(plan.spec.name, facts, choice, contest.comparisons, drawings, slices)
    return contest, choice, shown


def _try(
    plan: Plan, task: Task, holdouts: Holdouts, field: Candidates, files: Path
) -> tuple[Trials, tuple[Finding, ...]]:
    """The behaviour tests of every challenger; tests that cannot be tried close the gate."""
    name = plan.spec.gates.behaviour
    if name is None or not any(part.rows.num_rows for part in holdouts.values()):
        return {}, ()  # without rows the holdouts themselves close the gate
    file = model_file(files, name)
    try:
        tests = load_behaviour(file.read_text(encoding="utf-8"), name)
        rows = concat_rows([holdouts[_REFERENCE], holdouts[_RECENT]])
        stage = BehavioralTestData(task, rows, plan.spec.label.name, plan.columns)
        challengers = [c for c in field.contenders.values() if c.name != CHAMPION]
        return {
            c.name: run_behavioral_tests(tests, stage, c.predict, c.name) for c in challengers
        }, ()
    except (OSError, UnicodeDecodeError, InputError) as error:
        return {}, (behavioral_tests_failed(str(error).replace(str(files), "plan")),)


def _write_chosen(
    choice: Selection,
    field: Candidates,
    contest: CandidateComparison,
    plan: Plan,
    folders: EvaluateFolders,
    run: str,
) -> None:
    folders.chosen.mkdir(parents=True, exist_ok=True)
    retrained = field.contenders[RETRAINED].folder
    if choice.name is None:
        retrained.card.write(folders.chosen / MODEL_CARD)
        return
    chosen = field.contenders[choice.name]
    if chosen.calibration is None:
        copytree(chosen.folder.path, folders.chosen, dirs_exist_ok=True)
        return
    card = recalibrated_card(field, contest.comparisons, plan, run)
    export_recalibrated(Recalibrated(chosen.folder, chosen.calibration), card, folders.chosen)


def _verdict(
    plan: Plan, choice: Selection, contest: CandidateComparison, folders: EvaluateFolders
) -> Verdict:
    lineage = Lineage.read(folders.examples / LINEAGE)
    digests = {
        "plan": plan.digest,
        "examples": lineage.digest,
        RETRAINED: digest_folder(folders.model),
    }
    if plan.champion is not None:
        digests[CHAMPION] = plan.champion.digest
    if choice.name is not None:
        digests["chosen"] = digest_folder(folders.chosen)
    return Verdict(
        step=STEP,
        decision=choice.decision,
        reason=choice.reason,
        findings=choice.findings,
        as_of=plan.as_of,
        digests=digests,
        metrics=verdict_metrics(contest.comparisons),
    )


def _evaluated(
    plan: Plan,
    task: Task,
    holdouts: Holdouts,
    field: Candidates,
    verdict: Verdict,
    shown: EvaluationReport,
) -> EvaluationOutcome:
    subject = shown.choice.name or RETRAINED
    label, found = holdouts[_RECENT].label, field.probabilities[subject][_RECENT]
    metrics = {
        f"{holdout} {task.metrics[metric].label}": round(value, 5)
        for holdout, comparison in shown.comparisons.items()
        for metric, value in comparison.values[subject].items()
        if value is not None
    }
    name = plan.spec.label.name
    return EvaluationOutcome(
        verdict=verdict,
        version=field.contenders[subject].version if shown.choice.name else None,
        metrics=metrics,
        roc=shown.drawings[_RECENT].curves["roc"][subject],
        classes=(f"not {name}", name),
        confusion=task.confusion(label, found, plan.spec.label.threshold),
        page=render_report(shown, task, plan.spec.gates),
    )
