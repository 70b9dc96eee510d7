"""Runs that are stopped and go on, and work that other runs did."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from components.core.errors import InputError, RunError
from pipelines.local.machine import Machine
from pipelines.local.records import choose_folder, lock_run
from pipelines.local.runner import run


@pytest.fixture
def machine(tmp_path) -> Machine:
    """The real virtualenvs, and code that nobody edits while the test runs."""
    code = tmp_path / "code"
    code.mkdir()
    return Machine(envs=Machine.of_checkout().envs, code=code)


def wait_for(condition, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_of(path: Path) -> tuple[int, int, int]:
    step, server, helper = (int(word) for word in path.read_text().split())
    return step, server, helper


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_goes_on_after_its_last_finished_step(
    compile_toy, tmp_path, machine, command_line, number
):
    counter, flag, workspace = tmp_path / "counter", tmp_path / "flag", tmp_path / "ws"
    arguments = ["--run-id", "r", "--param", f"counter={counter}", "--param", f"flag={flag}"]
    arguments += ["--code", str(machine.code)]
    command = command_line(compile_toy("slow"), workspace, *arguments)
    # A shell's background job inherits an ignored SIGINT, and so would the child.
    first = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for(flag.exists)
    first.send_signal(number)
    code = first.wait(10)
    step, server, helper = processes_of(flag)
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 130
        assert [is_alive(step), is_alive(helper)] == [False, False]
    assert is_alive(server), "a server that a step left behind is not the runner's to stop"
    before = counter.read_text().splitlines()

    second = subprocess.run(command, capture_output=True, text=True, check=False)

    assert second.returncode == 0, second.stderr
    wait_for(lambda: not is_alive(step))
    assert counter.read_text().splitlines() == before == ["x", "table"]
    left = workspace / "runs/r/hang-once/outputs/left"
    assert left.read_text() == "whole"
    marks = [line.split()[:2] for line in second.stdout.splitlines()[1:4]]
    assert marks == [["↺", "judge"], ["↺", "make-table"], ["✓", "hang-once"]]
    _, second_server, _ = processes_of(flag.with_name("flag.second"))
    for pid in (server, second_server):
        os.kill(pid, signal.SIGKILL)


def test_a_failed_run_goes_on_and_a_finished_one_is_left_alone(compile_toy, tmp_path, machine):
    counter = tmp_path / "counter"
    pipeline, arguments = compile_toy("whole"), {"counter": str(counter)}
    first = run(pipeline, arguments, tmp_path / "ws", run_id="r", machine=machine)
    second = run(pipeline, arguments, tmp_path / "ws", run_id="r", machine=machine)
    assert (first.run_id, second.run_id) == ("r", "r-2")
    assert counter.read_text().splitlines() == ["r", "table", "r-2"], "the world was read again"
    assert second.step("judge").state == "succeeded"
    assert second.step("make-table").state == "reused"
    assert second.step("make-table").artifacts == first.step("make-table").artifacts


def test_without_the_cache_every_run_does_all_its_work(compile_toy, tmp_path, machine):
    counter = tmp_path / "counter"
    for _ in range(2):
        result = run(
            compile_toy("whole"),
            {"counter": str(counter)},
            tmp_path / "ws",
            cache=False,
            machine=machine,
        )
        assert {step.state for step in result.steps.values()} == {"succeeded"}
    assert counter.read_text().splitlines().count("table") == 2
    assert not (tmp_path / "ws/cache").exists()


def test_other_parameters_are_other_work(compile_toy, tmp_path, machine):
    pipeline, arguments = compile_toy("whole"), {"counter": str(tmp_path / "c")}
    run(pipeline, arguments | {"rows": 2}, tmp_path / "ws", machine=machine)
    result = run(pipeline, arguments | {"rows": 3}, tmp_path / "ws", machine=machine)
    assert result.step("make-table").state == "succeeded"
    assert result.steps["count-rows"].state == "succeeded", "its input is another one"
    assert result.step("write-words").state == "reused"


@pytest.mark.parametrize("damage", ["delete", "edit", "tear"])
def test_a_result_that_is_no_longer_whole_is_made_again(compile_toy, tmp_path, machine, damage):
    pipeline, arguments = compile_toy("whole"), {"counter": str(tmp_path / "c")}
    part = (
        run(pipeline, arguments, tmp_path / "ws", machine=machine)
        .step("make-table")
        .artifacts["table"]
    )
    if damage == "delete":
        (part / "part-0").unlink()
    elif damage == "edit":
        (part / "part-0").write_text("another")
    else:
        for record in (tmp_path / "ws/cache").iterdir():
            record.write_text(record.read_text()[:40])
    assert (
        run(pipeline, arguments, tmp_path / "ws", machine=machine).step("make-table").state
        == "succeeded"
    )


def test_changed_code_of_the_image_is_other_work(compile_toy, tmp_path, machine):
    sources = {name: tmp_path / f"code/components/{name}/m.py" for name in ("core", "data", "ops")}
    for source in sources.values():
        source.parent.mkdir(parents=True)
        source.write_text("A = 1")
    pipeline, arguments = compile_toy("whole"), {"counter": str(tmp_path / "c")}

    def states() -> dict[str, str]:
        result = run(pipeline, arguments, tmp_path / "ws", machine=machine)
        return {name: result.step(name).state for name in ("make-table", "write-words")}

    assert states() == {"make-table": "succeeded", "write-words": "succeeded"}
    sources["data"].write_text("A = 2")
    assert states() == {"make-table": "succeeded", "write-words": "reused"}
    sources["core"].write_text("A = 2")
    assert states() == {"make-table": "succeeded", "write-words": "succeeded"}
    assert states() == {"make-table": "reused", "write-words": "reused"}


def test_two_runners_never_share_a_folder(tmp_path):
    folder = choose_folder(tmp_path, "r")
    with lock_run(folder), pytest.raises(RunError, match="already going on"), lock_run(folder):
        pass
    with lock_run(folder):
        folder.set_state("failed")
    assert choose_folder(tmp_path, "r").name == "r"
    folder.set_state("succeeded")
    assert choose_folder(tmp_path, "r").name == "r-2"


@pytest.mark.parametrize("run_id", ["", "a/b", "..", "a b"])
def test_a_run_id_must_be_a_folder_name(tmp_path, run_id):
    with pytest.raises(InputError, match="run id"):
        choose_folder(tmp_path, run_id)
