"""The same instant gives the same bytes, and a killed run does no finished work again."""

from pathlib import Path

from components.core.artifacts import PLAN
from components.core.plan import Plan
from pipelines.local.results import RunResult
from tests.loop.places import TRAINED_ON, Deployed, Killed, Stages
from tests.loop.stage import compile_pipeline, data_alone
from tests.loop.turbines import day


def test_the_same_instant_gives_the_same_bytes(
    deployed: Deployed, stages: Stages, tmp_path: Path
) -> None:
    stage = stages.clone(deployed.stage)
    pipeline = compile_pipeline(data_alone, tmp_path)
    one = stage.run(day(TRAINED_ON), pipeline, workspace="one")
    other = stage.run(day(TRAINED_ON), pipeline, workspace="other")
    for step, artifact in (
        ("plan", "plan"),
        ("prepare", "examples"),
        ("validate", "statistics"),
        ("validate", "verdict"),
    ):
        files = _bytes(one, step, artifact)
        assert files == _bytes(other, step, artifact), f"{artifact} of {step}"
        assert files, f"{step} wrote nothing"
    # That a model serves by now changes the plan, but not what it would learn from.
    before, now = (Plan.of(run.step("plan").artifacts["plan"]) for run in (deployed.run, one))
    assert (before.champion, now.champion) == (None, stage.champion())
    assert before.version != now.version
    assert (before.spans, before.windows) == (now.spans, now.windows)
    assert _tables(deployed.run) == _tables(one)


def test_a_killed_run_does_no_finished_work_again(killed: Killed) -> None:
    steps = killed.again.steps
    assert killed.again.run_id == "killed"
    reused = [name for name, step in steps.items() if step.state == "reused"]
    assert reused == ["plan", "prepare", "validate"]
    assert steps["train"].state == "succeeded"
    assert steps["evaluate"].state == "succeeded"
    once = [entry for entry in killed.stage.entries("validate") if entry.run == "killed"]
    assert len(once) == 1
    assert (steps["plan"].artifacts["plan"] / PLAN).is_file()


def _bytes(run: RunResult, step: str, artifact: str) -> dict[str, bytes]:
    folder = run.step(step).artifacts[artifact]
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _tables(run: RunResult) -> dict[str, bytes]:
    files = _bytes(run, "prepare", "examples")
    return {name: content for name, content in files.items() if name.endswith(".parquet")}
