"""The observe step as Kubeflow sees it."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output


@dsl.component(base_image="ratoon-data", install_kfp_package=False)  # type: ignore[untyped-decorator]
def observe(plan: Input[Artifact], observations: Output[Dataset], metrics: Output[Metrics]) -> None:
    """Collects what the model predicted lately, with the labels that have arrived since.

    Reads the prediction log of three windows: the one that is watched, the one before, and the one
    whose labels are judged (an earlier one if labels take longer than a window). Keeps the first
    prediction of each model version for each example, and joins the labels that are known by now
    from the primary table by the example's key.

    Args:
        plan: The plan of this run.
        observations: observed.parquet (the window), before.parquet (the one before),
            labelled.parquet (the one whose labels are judged, if it is neither) and coverage.json
            with counts of rows, labels and versions, and what was read.
        metrics: Rows, rows whose label is due, labelled rows, rows without a key, empty hours.
    """
    from pathlib import Path

    from components.data.observe.run import observe as run_observe

    coverage = run_observe(Path(plan.path), Path(observations.path))
    watch, labelled = coverage.watch, coverage.labelled
    metrics.log_metric("rows", watch.rows)
    metrics.log_metric("labels due", labelled.due)
    metrics.log_metric("labelled rows", labelled.labelled)
    metrics.log_metric("rows without key", watch.keyless)
    metrics.log_metric("empty hours", watch.empty_hours)
    metrics.log_metric("rows of the window before", coverage.before.rows)
