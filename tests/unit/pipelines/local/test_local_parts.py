"""The runner's parts that need no process: images, conditions, logs, lines on a terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from components.core.errors import InputError, RunError
from pipelines.local.machine import (
    digest_artifact,
    environment_name,
    require_environments,
)
from pipelines.local.orchestration import evaluate_condition
from pipelines.local.processes import StepProcesses, follow_log, last_lines
from pipelines.local.results import RunResult, StepResult, TerminalProgress


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("ratoon-data", "ratoon-data"),
        ("ratoon-data:1.2", "ratoon-data"),
        ("host:5000/team/ratoon-model", "ratoon-model"),
        ("host:5000/team/ratoon-model:1.2@sha256:00ff", "ratoon-model"),
        ("host/ratoon-ops@sha256:00ff", "ratoon-ops"),
    ],
)
def test_names_of_images(image, repository):
    assert f"ratoon-{environment_name(image)}" == repository


def test_a_missing_virtualenv_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match=r"Install it from components/data/requirements.lock"):
        require_environments(["x/ratoon-data:1"], tmp_path)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("inputs.parameter_values['d'] == 'it\\'s a && b'", False),
        ("inputs.parameter_values['quoted'] == inputs.parameter_values['quoted']", True),
        ("!(inputs.parameter_values['n'] == 3) && inputs.parameter_values['t'] == true", False),
        ("int(inputs.parameter_values['n']) > 2 || inputs.parameter_values['t'] == false", True),
        ("double(int(inputs.parameter_values['n'])) >= 3.5", False),
        ("inputs.parameter_values['nothing'] == 'x'", False),
        ("inputs.parameter_values['d'] != 'x'", True),
        ("inputs.parameter_values['d'] == 'bang!'", True),
    ],
)
def test_conditions(condition, expected):
    values = {"d": "bang!", "quoted": 'it\'s "so"', "n": 3.0, "t": True, "nothing": None}
    assert evaluate_condition(condition, values) is expected


@pytest.mark.parametrize(
    "condition",
    ["inputs.parameter_values['x'] == 1", "1 <", "open('x')", "inputs.parameter_values['d'] < 1"],
)
def test_a_condition_that_cannot_be_read_is_no_silent_no(condition):
    with pytest.raises(RunError, match="cannot be evaluated"):
        evaluate_condition(condition, {"d": "x"})


def test_steps_are_found_by_their_last_name_if_one_has_it(tmp_path):
    steps = {
        name: StepResult(name, "succeeded", 1, tmp_path)
        for name in ("a", "x/a", "x/b", "y/c", "z/c")
    }
    result = RunResult("r", tmp_path, "succeeded", 1.0, steps, {})
    assert [result.step(name).name for name in ("a", "x/a", "b")] == ["a", "x/a", "x/b"]
    with pytest.raises(KeyError, match="2 steps are named 'c', of: a, x/a, x/b, y/c, z/c"):
        result.step("c")


def test_digests_of_artifacts(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("1")
    before = digest_artifact(str(tmp_path / "a"))
    (tmp_path / "a/b/c").rename(tmp_path / "a/b/d")
    assert digest_artifact(str(tmp_path / "a")) != before
    assert digest_artifact(str(tmp_path / "none")) is None
    assert digest_artifact("s3://bucket/key") == "s3://bucket/key"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\nb\n", ("a", "b")),
        ("", ()),
        ("[KFP Executor INFO]: Got executor_input:\n{\n    }\n}\nsaid\n}\n", ("said", "}")),
        ("x\nTraceback (most recent call last):\n  File 1\n    y\nE: 1\nmore\n", ("E: 1", "more")),
        (
            "Traceback (most recent call last):\n  File 1\n",
            ("Traceback (most recent call last):", "  File 1"),
        ),
        ("\n".join(str(i) for i in range(20)), tuple(str(i) for i in range(5, 20))),
    ],
)
def test_last_lines_of_a_log(tmp_path, text, expected):
    log = tmp_path / "log"
    log.write_text(text)
    assert last_lines(log) == expected


def test_a_log_is_followed_to_its_last_word(tmp_path):
    log, heard = tmp_path / "log", []
    log.write_text("")
    with follow_log(log, heard.append), log.open("a") as stream:
        stream.write("one\ntw")
        stream.flush()
        stream.write("o\nthree")
    assert heard == ["one", "two", "three"]


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunError, match="'no-such-program' cannot be started"):
        StepProcesses().run(["no-such-program"], {}, tmp_path, tmp_path / "log", tmp_path / "pid")


def show(*, terminal: bool, width: int = 70) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, no_color=True)
    progress = TerminalProgress(console)
    verdict = {"decision": "retrain", "reason": "calibration [0.81] " + "is far out " * 9}
    progress.run_started("July 2013")
    progress.step_started("inner/monitor")
    progress.step_finished(StepResult("inner/monitor", "succeeded", 3.21, Path("l"), verdict))
    progress.step_finished(StepResult("train", "reused", 3.0, Path("l")))
    progress.step_finished(StepResult("deploy", "failed", 0.04, Path("l")))
    progress.run_finished("failed", 5.0)
    return out.getvalue()


def test_a_file_gets_one_plain_line_a_step():
    assert show(terminal=False).splitlines() == [
        "July 2013",
        "  ✓ inner/monitor                   3.2 s  retrain      calibration [0.81] "
        + ("is far out " * 9).rstrip(),
        "  ↺ train                         earlier",
        "  ✗ deploy                          0.0 s",
        "  failed after 5.0 s",
    ]


def test_a_terminal_gets_a_spinner_and_lines_that_fit():
    shown = show(terminal=True)
    assert "is far out" not in shown
    assert "…" in shown
    assert "inner/monitor" in shown
