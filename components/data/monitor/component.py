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
    """Judges whether the model that serves is still as good as it was proved to be.

    Holds its calibration and its other metrics on the labels that have arrived (of an earlier
    window, where labels take longer than one) against limits that were learned when it was
    trained (or that the spec gives), looks at the quality of the live rows, at skew against
    training and drift against the window before, and at the signs of a model that nobody looks
    after. A retraining is called for only outside of the cool-down and within the budget.

    Args:
        plan: The plan of this run; it names the model that serves.
        observations: The live predictions of the window, beside the labels that have arrived.
        run: The id of this run, kept in the audit.
        verdict: verdict.json: the decision and every finding that it was made by.
        report: The same as a page, with the calibration curve, the trend and the distributions.
        metrics: The metrics of the labelled rows, their limits, and the number of findings.

    Returns:
        decision: healthy, alert (a person has to look), retrain (a retraining is started), or
            insufficient (too little to judge by).
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.data.monitor.run import Paths
    from components.data.monitor.run import monitor as judge

    paths = Paths(Path(plan.path), Path(observations.path), Path(verdict.path), Path(report.path))
    found = judge(paths, run)
    for name, value in found.metrics.items():
        if value is not None:
            metrics.log_metric(name, round(value, 6))
    metrics.log_metric("failed findings", len(found.failures))
    return found.decision, found.reason
