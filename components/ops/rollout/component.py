"""The rollout step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Input, Metrics, Output


@dsl.component(base_image="ratoon-ops", install_kfp_package=False)  # type: ignore[untyped-decorator]
def rollout(
    plan: Input[Artifact],
    deployment: Input[Artifact],
    run: str,
    rollout: Output[Artifact],
    report: Output[HTML],
    metrics: Output[Metrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Gives the new model a growing share of the live traffic, and promotes it or rolls it back.

    At each step the new model must answer enough requests with few errors, fast enough, and with
    probabilities like those of the model that serves. A new model that clearly fails is rolled back
    at once, and one with too little traffic at the deadline as well. If nothing served before, it
    is promoted at once.

    Args:
        plan: The plan of this run.
        deployment: What was staged where.
        run: The id of this run, kept in the audit.
        rollout: verdict.json.
        report: Every step with its measurements.
        metrics: Requests, share of errors, latency and mean probability of the last step.

    Returns:
        decision: promoted, rolled_back, or proposed (it waits for a person's approval).
        reason: The main reason in one sentence.
    """
    from pathlib import Path

    from components.ops.rollout.run import RolloutOutputs, roll_out

    outputs = RolloutOutputs(Path(rollout.path), Path(report.path))
    verdict = roll_out(Path(plan.path), Path(deployment.path), run, outputs)
    for name, value in verdict.metrics.items():
        if value is not None:
            metrics.log_metric(name, value)
    return verdict.decision, verdict.reason
