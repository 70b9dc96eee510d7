"""Whole toy runs: real processes in the real virtualenvs."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from components.core.errors import InputError, RunError
from pipelines.local.machine import Machine
from pipelines.local.results import StepFailed
from pipelines.local.runner import run


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_both_branches_of_an_if_and_a_nested_pipeline(compile_toy, tmp_path):
    pipeline, counter = compile_toy("whole"), str(tmp_path / "counter")
    taken = run(pipeline, {"counter": counter}, tmp_path / "ws", run_id="taken")
    other = run(pipeline, {"counter": counter, "decision": "healthy"}, tmp_path / "ws")
    common = {"judge", "make-table", "say"}
    assert set(taken.steps) == common | {
        "count-rows",
        "inner/say",
        "inner/write-words",
        "inner/count-rows",
    }
    assert set(other.steps) == common | {"say-2"}
    assert taken.state == other.state == "succeeded"


def test_each_step_runs_in_the_virtualenv_of_its_image(compile_toy, tmp_path):
    result = run(compile_toy("whole"), {"counter": str(tmp_path / "c")}, tmp_path / "ws")
    envs = Machine.of_checkout().envs
    assert result.step("make-table").parameters["Output"] == str(envs / "data")
    rows = result.steps["count-rows"].parameters["Output"]
    assert rows == f"{envs / 'model'} 3 None"
    words = result.step("write-words")
    assert words.artifacts["words"].read_text() == f"inner {envs / 'ops'}"
    assert words.parameters["length"] == 7


def test_steps_of_one_name_in_two_graphs_keep_their_own_files(compile_toy, tmp_path):
    result = run(compile_toy("whole"), {"counter": str(tmp_path / "c")}, tmp_path / "ws")
    assert result.steps["say"].parameters["Output"] == "outer"
    assert result.steps["inner/say"].parameters["Output"] == "inner"
    assert "said: outer" in result.steps["say"].log.read_text()
    assert "said: inner" in result.steps["inner/say"].log.read_text()


def test_artifacts_are_folders_pages_and_metrics(compile_toy, tmp_path):
    parameters = {"counter": str(tmp_path / "c"), "rows": "4"}
    step = run(compile_toy("whole"), parameters, tmp_path / "ws").step("make-table")
    assert (step.artifacts["table"] / "part-0").read_text() == "row\n" * 4
    assert step.artifacts["report"].name == "report.html"
    assert step.metadata["metrics"] == {"rows": 4}
    assert len(step.metadata["curve"]["confidenceMetrics"]) == 2


def test_decision_and_run_name_reach_the_caller_and_the_step(compile_toy, tmp_path):
    counter = tmp_path / "counter"
    result = run(compile_toy("whole"), {"counter": str(counter)}, tmp_path / "ws", run_id="july")
    assert result.run_id == "july"
    assert lines_of(counter)[0] == "july"
    judged = result.step("judge")
    assert (judged.decision, judged.reason) == ("retrain", "because it's retrain && so")


@pytest.mark.parametrize(("number", "expected"), [("5", "low"), (6, "high")])
def test_one_of_two_branches_gives_the_output(compile_toy, tmp_path, number, expected):
    pipeline = compile_toy("choice")
    pipeline.write_text(pipeline.read_text() + "\n---\nplatforms: {kubernetes: {}}\n")
    result = run(pipeline, {"number": number}, tmp_path / "ws")
    assert [step.parameters["Output"] for step in result.steps.values()] == [expected]
    assert list(result.outputs.values()) == [expected]


def test_a_loop_runs_its_step_for_each_item(compile_toy, tmp_path):
    result = run(compile_toy("loop"), {}, tmp_path / "ws", cache=False)
    said = {name: step.parameters["Output"] for name, step in result.steps.items()}
    assert said == {"for-loop-2-iteration-0/say": "a", "for-loop-2-iteration-1/say": "b"}


def test_a_step_with_retries_is_tried_again(compile_toy, tmp_path):
    counter = tmp_path / "counter"
    result = run(compile_toy("again"), {"counter": str(counter)}, tmp_path / "ws")
    assert (result.state, len(lines_of(counter))) == ("succeeded", 2)
    assert "ConnectionError: try again" in result.step("fail-once").log.read_text()


def test_what_a_person_has_to_mend_is_not_tried_again(compile_toy, tmp_path):
    counter = tmp_path / "counter"
    with pytest.raises(StepFailed, match=r"InputError: model\.yaml: label"):
        run(compile_toy("refused"), {"counter": str(counter)}, tmp_path / "ws")
    assert len(lines_of(counter)) == 1


def test_what_only_a_cluster_can_give_is_passed_over(compile_toy, tmp_path):
    """The very file of a cluster: its second document says nothing to this machine."""
    pipeline, counter = compile_toy("settled"), tmp_path / "counter"
    assert len(list(yaml.safe_load_all(pipeline.read_text()))) == 2
    result = run(pipeline, {"counter": str(counter)}, tmp_path / "ws")
    assert (result.state, len(lines_of(counter))) == ("succeeded", 2)


def test_a_failing_step_is_named_with_its_last_words(compile_toy, tmp_path):
    with pytest.raises(StepFailed) as caught:
        run(compile_toy("broken"), {}, tmp_path / "ws", run_id="r")
    error = caught.value
    assert error.step == "fail"
    assert error.last_lines == ("LookupError: no such holdout",)
    assert "Traceback" in error.log.read_text()
    assert str(error.log) in str(error)
    assert not (tmp_path / "ws/runs/r/say/finished.json").exists(), "it stands behind the failure"
    assert (tmp_path / "ws/runs/r/say-2/finished.json").exists(), "a cluster runs it too"


def test_an_exit_handler_runs_and_the_failure_stays_one(compile_toy, tmp_path):
    with pytest.raises(StepFailed, match=r"step leave failed.*exit code 3") as caught:
        run(compile_toy("parting"), {}, tmp_path / "ws", run_id="r")
    assert caught.value.last_lines == ("last words",)
    record = json.loads((tmp_path / "ws/runs/r/farewell/finished.json").read_text())
    assert record["parameters"] == {"Output": "FAILED"}


def test_inputs_that_are_not_given_keep_their_own_defaults(compile_toy, tmp_path):
    result = run(compile_toy("defaults"), {}, tmp_path / "ws")
    assert {name: step.parameters["Output"] for name, step in result.steps.items()} == {
        "optional/show-given": ["inner", True, []],
        "show-given": [None, True, []],
        "show-given-2": ["outer", True, ["a"]],
    }


def test_a_metric_that_is_no_finite_number_is_an_error_as_on_a_cluster(compile_toy, tmp_path):
    pipeline = compile_toy("metric")
    step = run(pipeline, {"value": "0.5"}, tmp_path / "ws").step("measure")
    assert step.metadata["metrics"] == {"value": 0.5}
    with pytest.raises(RunError, match=r"outputs of step measure cannot be read.*Infinity"):
        run(pipeline, {"value": -1}, tmp_path / "ws")


def test_surroundings_of_a_step(compile_toy, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/from/the/users/shell")
    names = ["PATH", "RATOON_ENVS", "TF_CPP_MIN_LOG_LEVEL", "DECLARED", "PYTHONPATH"]
    result = run(compile_toy("surroundings"), {"names": names}, tmp_path / "ws")
    found = result.step("tell-environment").parameters["Output"]
    machine = Machine.of_checkout()
    assert found["PATH"].split(os.pathsep)[0] == str(machine.envs / "ops" / "bin")
    assert found["RATOON_ENVS"] == str(machine.envs)
    assert found["TF_CPP_MIN_LOG_LEVEL"] == "2"
    assert found["DECLARED"] == "in the pipeline"
    assert found["PYTHONPATH"] == str(machine.code)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"counter": "c", "row": 3}, ["'row'", "counter (required), decision, note, rows"]),
        ({"rows": 3}, ["Give counter", "counter (required)"]),
        ({"counter": "c", "rows": "many"}, ["parameter rows", "'many'", "a whole number"]),
        ({"counter": "c", "rows": True}, ["parameter rows", "True"]),
        ({"counter": 3}, ["parameter counter", "a text"]),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(
    compile_toy, tmp_path, parameters, words
):
    with pytest.raises(InputError) as caught:
        run(compile_toy("whole"), parameters, tmp_path / "ws")
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert not (tmp_path / "ws").exists()


def test_an_unknown_image_is_refused_before_anything_runs(compile_toy, tmp_path):
    pipeline = compile_toy("whole")
    pipeline.write_text(pipeline.read_text().replace("ratoon-ops", "python"))
    with pytest.raises(
        InputError, match=r"team/python:1\.2.*ratoon-data, ratoon-model, ratoon-ops"
    ):
        run(pipeline, {"counter": "c"}, tmp_path / "ws")
    assert not (tmp_path / "ws").exists()


def test_what_is_no_compiled_pipeline_is_refused(tmp_path):
    path = tmp_path / "notes.yaml"
    for text in ("a: [", "- just a list", yaml.safe_dump({"name": "x"}), ""):
        path.write_text(text)
        with pytest.raises(InputError, match="a compiled pipeline"):
            run(path, {}, tmp_path / "ws")
    with pytest.raises(InputError, match=r"missing\.yaml"):
        run(tmp_path / "missing.yaml", {}, tmp_path / "ws")


def test_command_line_ends_with_1_and_without_a_traceback(compile_toy, tmp_path, command_line):
    done = subprocess.run(
        command_line(compile_toy("broken"), tmp_path / "ws", "--param", "text=gone"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "LookupError: gone" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_command_line_shows_what_steps_log_when_asked(compile_toy, tmp_path, command_line):
    command = command_line(compile_toy("choice"), tmp_path / "ws", "--verbose", "--title", "Toy")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Toy\n")
    assert "      say-2 | said: low\n" in done.stdout


@pytest.mark.parametrize(("decision", "code"), [("refuse", 3), ("retrain", 0)])
def test_command_line_ends_with_3_if_a_verdict_says_no(
    compile_toy, tmp_path, command_line, decision, code
):
    given = ("--param", f"counter={tmp_path / 'c'}", "--param", f"decision={decision}")
    command = command_line(compile_toy("whole"), tmp_path / "ws", *given, "--output", "json")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    (result,) = json.loads(done.stdout)
    assert result["refused_by"] == ("judge" if code else None)
    judged = next(step for step in result["steps"] if step["name"] == "judge")
    assert (judged["decision"], judged["state"]) == (decision, "succeeded")
    assert "judge" in done.stderr, "progress goes to the error stream"
