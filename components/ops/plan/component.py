"""The plan step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Output


@dsl.component(base_image="ratoon-ops", install_kfp_package=False)  # type: ignore[untyped-decorator]
def plan(
    model: str,
    as_of: str,
    target: str,
    overlay: str,
    purpose: str,
    run: str,
    plan: Output[Artifact],
    report: Output[HTML],
    scheduled: str = "",
) -> NamedTuple("Outcome", [("as_of", str), ("name", str), ("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Decides once what this run works on, so that a bad spec fails in the first seconds.

    Reads the model's spec and schema, lists the data that is there, cuts time into training
    window and holdouts, and asks the target what serves now. Every other step reads the result
    and nothing else.

    Args:
        model: Where the model's folder is: a path, s3://bucket/folder, gs://bucket/folder or
            git+https://host/repository@<full commit>#folder. The text of a spec is accepted too.
        as_of: The instant to work as of, such as 2013-07-01 or 2013-07-01T06:00Z; nothing newer
            is looked at. Or start of hour, start of day, start of month, start of 7d and the like:
            the newest such instant. Empty for the scheduled time, else now.
        target: Where to serve, instead of the spec's serving.target; empty for the spec's.
        overlay: A file with the fields that differ in this environment, such as
            overlays/staging.yaml in the model's folder; empty for none.
        purpose: train (make a new model) or monitor (judge the one that serves).
        run: The id of this run, kept in the audit.
        plan: The plan: plan.json and the model's files.
        report: What the spec means, how time is cut, and every default that was accepted.
        scheduled: When this run was due, as the platform says it; empty if it does not.

    Returns:
        as_of: The instant that was resolved.
        name: The model's name.
        decision: planned.
        reason: One line that says what was planned.
    """
    from pathlib import Path

    from components.core.spans import format_instant
    from components.ops.plan.run import PlanRequest, sentence
    from components.ops.plan.run import plan as make

    request = PlanRequest(model, as_of, target, overlay, purpose, run, scheduled)
    made = make(request, Path(plan.path), Path(report.path))
    return format_instant(made.as_of), made.spec.name, "planned", sentence(made)
