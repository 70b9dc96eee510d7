"""The train step as Kubeflow sees it."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Model, Output


@dsl.component(base_image="ratoon-model", install_kfp_package=False)  # type: ignore[untyped-decorator]
def train(
    plan: Input[Artifact],
    examples: Input[Dataset],
    statistics: Input[Artifact],
    run: str,
    model: Output[Model],
    report: Output[HTML],
    metrics: Output[Metrics],
) -> NamedTuple("Outcome", [("decision", str), ("reason", str)]):  # type: ignore[valid-type]
    """Trains a model that takes the raw columns and does all preprocessing inside.

    Blocks of time of the training window are held out in turn: they say for how many epochs to
    train, and how much such a model varies from one time to another, which monitoring learns its
    thresholds from. Then the model is trained on all training rows. The same plan and examples on
    the same machine give the same weights.

    Args:
        plan: The plan of this run, with the network that the spec asks for.
        examples: The prepared examples.
        statistics: Statistics of the training rows and the schema, kept beside the model.
        run: The id of this run, kept in the audit.
        model: The SavedModel with its card, golden rows, learned limits and statistics.
        report: The training rows, the metrics, and the scores on held-out blocks as a page.
        metrics: Metrics on both holdouts, rows trained on, epochs.

    Returns:
        decision: trained.
        reason: Rows, epochs and the AUC on the newest days.
    """
    from pathlib import Path

    from components.model.train.run import TrainFolders
    from components.model.train.run import train as run_training

    folders = TrainFolders(*(Path(a.path) for a in (plan, examples, statistics, model)))
    outcome = run_training(folders, run)
    Path(report.path).write_text(outcome.page, encoding="utf-8")
    for name, value in outcome.metrics.items():
        metrics.log_metric(name, value)
    model.metadata["version"] = outcome.version
    model.metadata["framework"] = "tensorflow"
    return outcome.decision, outcome.reason
