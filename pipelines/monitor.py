"""The pipeline that watches a model that serves, and retrains it when the world has moved."""

from kfp import dsl

from components.data.monitor.component import monitor as check_live
from components.data.observe.component import observe
from components.ops.plan.component import plan
from pipelines.train_and_deploy import train_and_deploy


@dsl.pipeline(  # type: ignore[untyped-decorator]
    name="monitor",
    description="Judges the live predictions against the labels that have arrived, and retrains "
    "and redeploys where that is called for.",
)
def monitor(model: str, as_of: str = "", target: str = "", overlay: str = "") -> None:
    """Watches a model that serves and keeps it fresh.

    Args:
        model: Where the model's folder is (a path, git+https://host/repo@<commit>#path, s3://…),
            or the text of a spec itself.
        as_of: The instant to look back from, such as 2013-08-01. Empty: now.
        target: Where the model serves, instead of the spec's own serving.target. Empty: the spec's.
        overlay: A file of the model's folder with the few fields that differ here. Empty: none.
    """
    run = dsl.PIPELINE_JOB_NAME_PLACEHOLDER
    planned = plan(
        model=model,
        as_of=as_of,
        target=target,
        overlay=overlay,
        purpose="monitor",
        run=run,
        scheduled=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
    )
    the_plan = planned.outputs["plan"]
    observations = observe(plan=the_plan).outputs["observations"]
    monitored = check_live(plan=the_plan, observations=observations, run=run)
    with dsl.If(monitored.outputs["decision"] == "retrain", name="the world has moved"):
        train_and_deploy(
            model=model, as_of=planned.outputs["as_of"], target=target, overlay=overlay
        ).set_caching_options(False)
