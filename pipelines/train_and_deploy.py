"""The pipeline that makes a model and, where it is proved better, lets it serve."""

from kfp import dsl

from components.data.prepare.component import prepare
from components.data.validate.component import validate
from components.model.evaluate.component import evaluate
from components.model.train.component import train
from components.ops.deploy.component import deploy
from components.ops.plan.component import plan
from components.ops.rollout.component import rollout
from components.ops.schedule.component import schedule
from pipelines.document import MONITOR_VERSION, TO_BE_NAMED
from pipelines.steps import equipped


@dsl.pipeline(  # type: ignore[untyped-decorator]
    name="train-and-deploy",
    description="Prepares and checks the data, trains, and deploys only what is proved better "
    "than the model that serves now.",
)
def train_and_deploy(model: str, as_of: str = "", target: str = "", overlay: str = "") -> None:
    """Makes a model and deploys it where it is proved better.

    Args:
        model: Where the model's folder is (a path, git+https://host/repo@<commit>#path, s3://…),
            or the text of a spec itself.
        as_of: The instant to train for, such as 2013-07-01; nothing later is looked at. Empty: now.
        target: Where to deploy, instead of the spec's own serving.target. Empty: the spec's.
        overlay: A file of the model's folder with the few fields that differ here. Empty: none.
    """
    run = dsl.PIPELINE_JOB_NAME_PLACEHOLDER
    planned = equipped(
        plan(
            model=model,
            as_of=as_of,
            target=target,
            overlay=overlay,
            purpose="train",
            run=run,
            scheduled=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
        )
    )
    prepared = equipped(prepare(plan=planned.outputs["plan"]))
    checked = equipped(
        validate(plan=planned.outputs["plan"], examples=prepared.outputs["examples"], run=run)
    )
    with dsl.If(checked.outputs["decision"] == "pass", name="the data is good"):
        trained = equipped(
            train(
                plan=planned.outputs["plan"],
                examples=prepared.outputs["examples"],
                statistics=checked.outputs["statistics"],
                run=run,
            )
        )
        judged = equipped(
            evaluate(
                plan=planned.outputs["plan"],
                examples=prepared.outputs["examples"],
                model=trained.outputs["model"],
                run=run,
            )
        )
        with dsl.If(judged.outputs["decision"] == "deploy", name="the challenger is better"):
            deployed = equipped(
                deploy(plan=planned.outputs["plan"], model=judged.outputs["chosen"], run=run)
            )
            with dsl.If(deployed.outputs["decision"] == "staged", name="the server is sound"):
                deployment = deployed.outputs["deployment"]
                rolled = equipped(
                    rollout(plan=planned.outputs["plan"], deployment=deployment, run=run)
                )
                scheduled = equipped(
                    schedule(plan=planned.outputs["plan"], model=model, overlay=overlay, run=run)
                )
                scheduled.after(rolled).set_env_variable(MONITOR_VERSION, TO_BE_NAMED)
