"""The prepare step as Kubeflow sees it."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output


@dsl.component(base_image="ratoon-data", install_kfp_package=False)  # type: ignore[untyped-decorator]
def prepare(plan: Input[Artifact], examples: Output[Dataset], metrics: Output[Metrics]) -> None:
    """Reads the sources and makes the examples, each with only what was known at its own time.

    External sources are joined point in time (the newest row that was published before the
    example and is not too old), refused values become null, and the rows are split into training
    rows and two holdouts. A span whose inputs did not change since an earlier run is reused.

    Args:
        plan: The plan of this run.
        examples: Parquet files by split and span, and lineage.json with what was read.
        metrics: Rows of each split, spans, labelled rows and the share of positives.
    """
    from pathlib import Path

    from components.data.prepare.run import prepare as run_prepare

    lineage = run_prepare(Path(plan.path), Path(examples.path))
    labelled = sum(span.labelled for span in lineage.spans)
    positives = sum(span.positives for span in lineage.spans)
    for split, rows in lineage.splits.items():
        metrics.log_metric(f"{split} rows", rows)
    metrics.log_metric("spans", len(lineage.spans))
    metrics.log_metric("labelled rows", labelled)
    if labelled:
        metrics.log_metric("share of positives", round(positives / labelled, 4))
    examples.metadata["digest"] = lineage.digest
