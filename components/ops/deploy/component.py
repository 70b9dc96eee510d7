"""The deploy step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Input, Metrics, Model, Output


@dsl.component(base_image="ratoon-ops", install_kfp_package=False)  # type: ignore[untyped-decorator]
def deploy(
    plan: Input[Artifact],
    model: Input[Model],
    run: str,
    deployment: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Starts the new model beside the one that serves, and validates it before it gets traffic.

    The model's own server must become ready, answer its golden rows as the model did where it was
    trained, be fast enough, and refuse invalid requests. If another model serves by now than the
    one that this run planned with, nothing is changed. A refused model is removed again.

    Args:
        plan: The plan of this run.
        model: The model that was chosen.
        run: The id of this run, kept in the audit.
        deployment: deployment.json (what is staged where) and verdict.json.
        report: What was checked, and how the server answered.
        metrics: Seconds until ready, latency, and the largest difference from a golden row.

    Returns:
        decision: staged, or refused.
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.ops.deploy.run import DeployOutputs
    from components.ops.deploy.run import deploy as stage

    outputs = DeployOutputs(Path(deployment.path), Path(report.path))
    verdict = stage(Path(plan.path), Path(model.path), run, outputs)
    for name, value in verdict.metrics.items():
        if value is not None:
            metrics.log_metric(name, value)
    return verdict.decision, verdict.reason
