"""The validate step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output


@dsl.component(base_image="ratoon-data", install_kfp_package=False)  # type: ignore[untyped-decorator]
def validate(
    plan: Input[Artifact],
    examples: Input[Dataset],
    run: str,
    statistics: Output[Artifact],
    verdict: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Decides whether the data may be trained on, before any training.

    Compares statistics of the training rows, the two holdouts and the newest span with the
    committed schema; the newest span with the spans before it (wrong units, floods of new
    categories, missing values); the history with the spec's bounds. Checks for stale sources, rows
    from the future and target leakage. One failure stops.

    Args:
        plan: The plan of this run, with the committed schema.
        examples: The prepared examples.
        run: The id of this run, for the audit.
        statistics: TFDV statistics and anomalies of each split, and the schema.
        verdict: verdict.json: the decision and every finding.
        report: The findings, spans, columns and sources as a page.
        metrics: Rows of each split, share of positives, failures and warnings.

    Returns:
        decision: pass or stop.
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.data.validate.run import ValidationPaths
    from components.data.validate.run import validate as run_validation

    paths = (Path(artifact.path) for artifact in (plan, examples, statistics, verdict, report))
    found = run_validation(ValidationPaths(*paths), run)
    for name, value in found.metrics.items():
        if value is not None:
            metrics.log_metric(name, value)
    verdict.metadata["decision"] = found.decision
    return found.decision, found.reason
