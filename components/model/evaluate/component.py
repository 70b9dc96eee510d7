"""The evaluate step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, ClassificationMetrics, Dataset, Input, Metrics, Model, Output


@dsl.component(base_image="ratoon-model", install_kfp_package=False)  # type: ignore[untyped-decorator]
def evaluate(
    plan: Input[Artifact],
    examples: Input[Dataset],
    model: Input[Model],
    run: str,
    chosen: Output[Model],
    verdict: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
    curves: Output[ClassificationMetrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Decides whether a challenger may replace the model that serves now.

    Two challengers are compared with the champion on the same rows: the model just trained, and
    the champion recalibrated. On the newest days one must be surely better, on the reference
    weeks, which no model ever trained on, not worse; intervals resample blocks of time. Floors,
    slices and behaviour tests of the spec must pass too. What cannot be judged is refused.

    Args:
        plan: The plan of this run, which says what serves now and what the gates require.
        examples: The examples with their two holdouts.
        model: The model just trained.
        run: The id of this run, kept in the audit.
        chosen: The model to deploy; if none was chosen, only the card of the one refused.
        verdict: verdict.json: the decision, every finding and every metric.
        report: The comparison as a page: differences, curves, slices, behaviour, findings.
        metrics: Metrics of the model that the decision is about, on both holdouts.
        curves: Its ROC curve and confusion matrix on the newest days.

    Returns:
        decision: deploy or refuse.
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.model.evaluate.run import EvaluateFolders
    from components.model.evaluate.run import evaluate as run_evaluation

    paths = (Path(artifact.path) for artifact in (plan, examples, model, chosen, verdict))
    found = run_evaluation(EvaluateFolders(*paths), run)
    Path(report.path).write_text(found.page, encoding="utf-8")
    for name, value in found.metrics.items():
        metrics.log_metric(name, value)
    if found.roc is not None:
        curves.log_roc_curve(list(found.roc.x), list(found.roc.y), list(found.roc.threshold))
    curves.log_confusion_matrix(list(found.classes), [list(row) for row in found.confusion])
    chosen.metadata["version"] = found.version or ""
    verdict.metadata["decision"] = found.verdict.decision
    return found.verdict.decision, found.verdict.reason
