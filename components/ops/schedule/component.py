"""The schedule step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Input, Output


@dsl.component(base_image="ratoon-ops", install_kfp_package=False)  # type: ignore[untyped-decorator]
def schedule(
    plan: Input[Artifact],
    model: str,
    overlay: str,
    run: str,
    report: Output[HTML],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Makes the recurring monitoring run equal to the one that the spec asks for.

    Run again, it changes nothing. A changed spec replaces the recurring run: the new one is
    created before the old one is deleted. Missed runs are not caught up: only the newest is run.
    On a cluster it is a recurring run of Kubeflow Pipelines, pinned to the version of the monitor
    that belongs to this pipeline; one that git declares is left as it is.

    Args:
        plan: The plan of this run.
        model: Where the model's folder is, as this run was given it.
        overlay: The overlay that this run was given; empty for none.
        run: The id of this run, kept in the audit.
        report: The recurring run as a page.

    Returns:
        decision: scheduled, or unchanged if nothing had to be done.
        reason: What was scheduled, in one sentence.
    """
    from pathlib import Path

    from components.ops.schedule.run import schedule as make

    made = make(Path(plan.path), model, overlay, run)
    Path(report.path).write_text(made.page, encoding="utf-8")
    return made.decision, made.reason
