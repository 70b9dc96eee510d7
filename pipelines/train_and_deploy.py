"""The pipeline that trains a model and deploys it if it is proved better."""

from kfp import dsl

from components.data.prepare.component import prepare
from components.data.validate.component import validate
from components.model.evaluate.component import evaluate
from components.model.train.component import train
from components.ops.deploy.component import deploy
from components.ops.plan.component import plan
from components.ops.rollout.component import rollout
from components.ops.schedule.component import schedule


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
    planned = plan(
        model=model,
        as_of=as_of,
        target=target,
        overlay=overlay,
        purpose="train",
        run=run,
        scheduled=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
    )
    the_plan = planned.outputs["plan"]
    examples = prepare(plan=the_plan).outputs["examples"]
    validated = validate(plan=the_plan, examples=examples, run=run)
    with dsl.If(validated.outputs["decision"] == "pass", name="the data is good"):
        trained = train(
            plan=the_plan, examples=examples, statistics=validated.outputs["statistics"], run=run
        )
        evaluated = evaluate(
            plan=the_plan, examples=examples, model=trained.outputs["model"], run=run
        )
        with dsl.If(evaluated.outputs["decision"] == "deploy", name="the challenger is better"):
            deployed = deploy(plan=the_plan, model=evaluated.outputs["chosen"], run=run)
            with dsl.If(deployed.outputs["decision"] == "staged", name="the server is sound"):
                rolled_out = rollout(
                    plan=the_plan, deployment=deployed.outputs["deployment"], run=run
                )
                schedule(plan=the_plan, model=model, overlay=overlay, run=run).after(rolled_out)
