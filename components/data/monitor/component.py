"""The monitor step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output


@dsl.component(base_image="ratoon-data", install_kfp_package=False)  # type: ignore[untyped-decorator]
def monitor(
    plan: Input[Artifact],
    observations: Input[Dataset],
    run: str,
    verdict: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Decides whether the model that serves is still as good as it was proved to be.

    Compares its calibration and its other metrics on the labels that have arrived (of an earlier
    window, if labels take longer than one) with thresholds that were learned when it was trained
    (or that the spec gives). Checks the quality of the live rows, skew against training, drift
    against the window before, and the liveness of model and traffic. A retraining starts only
    outside the cool-down and within the budget.

    Args:
        plan: The plan of this run; it names the model that serves.
        observations: The live predictions of the window, with the labels that have arrived.
        run: The id of this run, for the audit.
        verdict: verdict.json: the decision and every finding.
        report: The verdict as a page, with the calibration curve, the trend and the distributions.
        metrics: The metrics of the labelled rows, their thresholds, and the failed findings.

    Returns:
        decision: healthy, alert (a person has to look), retrain (a retraining is started), or
            insufficient (too little to judge by).
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.data.monitor.run import MonitorPaths
    from components.data.monitor.run import monitor as run_monitor

    paths = (Path(artifact.path) for artifact in (plan, observations, verdict, report))
    found = run_monitor(MonitorPaths(*paths), run)
    for name, value in found.metrics.items():
        if value is not None:
            metrics.log_metric(name, round(value, 6))
    metrics.log_metric("failed findings", len(found.failures))
    return found.decision, found.reason
