"""The observe step as Kubeflow sees it."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output


@dsl.component(base_image="ratoon-data", install_kfp_package=False)  # type: ignore[untyped-decorator]
def observe(plan: Input[Artifact], observations: Output[Dataset], metrics: Output[Metrics]) -> None:
    """Collects what the model answered lately, beside the labels that have arrived since.

    Reads the prediction log of the window that is watched, of the one before, and of the one whose
    labels are judged (an earlier one where labels take longer than a window), keeps the first
    answer of each model version to each example, and joins the labels that are known by now from
    the table of examples, by the example's key.

    Args:
        plan: The plan of this run.
        observations: observed.parquet (the window), before.parquet (the one before),
            labelled.parquet (the one whose labels are judged, where it is neither) and
            coverage.json, which counts rows, labels and versions and says what was read.
        metrics: Rows, rows whose label is due, labelled rows, rows without a key, empty hours.
    """
    from pathlib import Path

    from components.data.observe.run import observe as collect

    coverage = collect(Path(plan.path), Path(observations.path))
    watch, labelled = coverage.watch, coverage.labelled
    metrics.log_metric("rows", watch.rows)
    metrics.log_metric("labels due", labelled.due)
    metrics.log_metric("labelled rows", labelled.labelled)
    metrics.log_metric("rows without key", watch.keyless)
    metrics.log_metric("empty hours", watch.empty_hours)
    metrics.log_metric("rows of the window before", coverage.before.rows)
