"""Processes that outlive their starter, published folders, and commands of servers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.digest import digest_folder
from components.core.errors import InputError
from components.ops.targets.local import processes, target
from components.ops.targets.local.record import Process
from components.ops.targets.local.servers import server_command, server_environment

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
_WITH_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
time.sleep(60)
"""


def start(folder: Path, code: str = "import time; time.sleep(60)") -> Process:
    return processes.start(
        [sys.executable, "-c", code], dict(os.environ), folder / "logs" / "p.log", folder
    )


def test_a_process_is_found_and_ended(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert processes.is_running(process)
    assert os.getsid(process.pid) == process.pid
    while not processes.find_processes(tmp_path):  # the program is being loaded
        time.sleep(0.02)
    assert processes.find_processes(tmp_path) == (process,)
    assert processes.find_processes(tmp_path / "other") == ()
    processes.end(process, 10)
    assert not processes.is_running(process)
    assert processes.find_processes(tmp_path) == ()
    processes.end(process, 10)


def test_a_process_that_does_not_end_when_asked_is_ended(tmp_path: Path) -> None:
    process = start(tmp_path, _STUBBORN)
    while "deaf" not in (tmp_path / "logs" / "p.log").read_text():
        time.sleep(0.02)
    processes.end(process, 0.3)
    assert not processes.is_running(process)


def test_a_process_that_got_the_id_of_an_earlier_one_is_left_alone(tmp_path: Path) -> None:
    process = start(tmp_path)
    earlier = process.model_copy(update={"started": "another boot/12"})
    assert not processes.is_running(earlier)
    processes.end(earlier, 0.1)
    assert processes.is_running(process)
    processes.end(process, 10)


def test_children_belong_to_their_server(tmp_path: Path) -> None:
    process = start(tmp_path, _WITH_CHILD)
    while len(processes.find_processes(tmp_path)) < 2:
        time.sleep(0.02)
    assert processes.find_processes(tmp_path, besides=[process]) == ()
    processes.end(process, 10)
    (orphan,) = processes.find_processes(tmp_path)
    processes.end(orphan, 10)


def test_a_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from components.ops.targets.local import processes as p\n"
        "f = Path(sys.argv[1])\n"
        "p.start([sys.executable, '-c', 'import time; time.sleep(60)'], dict(os.environ), f/'l', f)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path)], check=True)
    while not (found := processes.find_processes(tmp_path)):
        time.sleep(0.02)
    (left,) = found
    processes.end(left, 10)


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    port = processes.free_port()
    assert 20_000 <= port < 32_000
    assert processes.is_free(port)


def test_a_folder_is_published_completely_and_once(tmp_path: Path) -> None:
    source, place = tmp_path / "model", tmp_path / "models" / "v1"
    (source / "saved_model").mkdir(parents=True)
    (source / "saved_model" / "weights").write_bytes(b"1")
    digest = digest_folder(source)
    target.publish(source, place, digest)
    assert digest_folder(place) == digest
    inode = place.stat().st_ino
    target.publish(source, place, digest)
    assert place.stat().st_ino == inode
    (source / "saved_model" / "weights").write_bytes(b"2")
    with pytest.raises(InputError, match="changed while it was copied"):
        target.publish(source, place.with_name("v2"), digest)
    target.publish(source, place, digest_folder(source))
    assert digest_folder(place) == digest_folder(source) != digest
    assert [p.name for p in place.parent.iterdir()] == ["v1"]


@pytest.mark.parametrize("version", ["..", ".hidden", "a b"])
def test_a_version_is_a_plain_file_name(tmp_path: Path, version: str) -> None:
    with pytest.raises(InputError, match="version"):
        target.publish(tmp_path, tmp_path / "models" / version, "digest")


def test_old_versions_and_broken_copies_are_removed(tmp_path: Path) -> None:
    for name in ("v1", "v2", ".v3.0123"):
        (tmp_path / name).mkdir()
    assert target.prune(tmp_path, {"v2"}) == (".v3.0123", "v1")
    assert [p.name for p in tmp_path.iterdir()] == ["v2"]
    assert target.prune(tmp_path / "none", set()) == ()


def test_our_server_is_started_in_the_environment_of_its_image(tmp_path: Path) -> None:
    python = tmp_path / "model" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    command = server_command({"RATOON_ENVS": str(tmp_path)})
    assert command[:3] == (str(python), "-m", "components.model.serve")
    assert {"{model_dir}", "{port}", "{log}"} < set(command)
    environment = server_environment({"PATH": "/bin", "VIRTUAL_ENV": "/ops"}, command[0])
    assert environment["PATH"] == f"{python.parent}:/bin"
    assert "VIRTUAL_ENV" not in environment
    assert (Path(environment["PYTHONPATH"]) / "components" / "ops").is_dir()


@pytest.mark.parametrize(
    "environment",
    [
        {"RATOON_ENVS": "/nowhere"},
        {"RATOON_SERVER_COMMAND": "python serve.py"},
        {"RATOON_SERVER_COMMAND": '["serve", "{port}"]'},
        {"RATOON_SERVER_COMMAND": "[1]"},
    ],
)
def test_without_a_server_to_start_the_variable_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(InputError, match="environment variable RATOON_"):
        server_command(environment)
