"""What an image holds runs as a cluster runs it: as 10001, on a read-only root, as process 1."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.images import container
from tests.images.container import Image
from tests.images.dockerfile import ROOMS, ROOT
from tests.images.steps import NOWHERE, Step, steps
from tests.monitoring.exposed import free_port

ImageOf = Callable[[str], Image]
_WRITES = "for d in / /app /opt/ratoon /root /etc; do touch $d/x 2>/dev/null && echo wrote $d; done"
_FACTS = f"""
{_WRITES}
id -u; id -g; pwd; echo $HOME; echo $XDG_CACHE_HOME; touch $HOME/x && echo home
exec python -c 'import os; print(os.getpid())'
"""
# Imports all that an image brings, but what only compiling reads (component.py).
_IMPORT_ALL = """
import importlib, os, pathlib
files = sorted(pathlib.Path("/app").glob("components/**/*.py"))
names = [".".join(file.relative_to("/app").with_suffix("").parts) for file in files]
names = [name.removesuffix(".__init__") for name in names]
names = [name for name in names if not name.endswith((".__main__", ".component"))]
modules = {name: importlib.import_module(name) for name in names}
uncompiled = [name for name, made in modules.items() if not os.path.exists(made.__cached__)]
names.remove("components")
rooms = sorted({name.split(".")[1] for name in names})
print("rooms", *rooms); print("modules", len(names)); print("uncompiled", *uncompiled)
"""
# What is imported late, because it takes seconds, and what a store is reached by.
_LATE = {
    "data": "from components.data.schema.tfdv import kernels; kernels(); import s3fs, gcsfs",
    "model": "import tensorflow, kserve, s3fs, gcsfs",
    "ops": "import kubernetes, typer, pandas, s3fs, gcsfs",
}
PATIENT: dict[str, Any] = {"timeout": 60, "trust_env": False}
HELPS = (
    ("data", "components.data.infer"),
    ("model", "components.model.serve"),
    ("ops", "components.ops.exporter"),
    ("ops", "pipelines.cli"),
)
_GIT = """
git init -q /tmp/models && cd /tmp/models && printf 'name: flights\\n' > model.yaml && git add .
git -c user.name=a -c user.email=a@example.com commit -q -m one
python - "$(git rev-parse HEAD)" <<'END'
import sys
from components.ops.plan.folder import open_source
with open_source(f"git+file:///tmp/models@{sys.argv[1]}") as folder:
    print(folder.find("model.yaml", 1000))
END
"""


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_temporary_folder_is_written(image: ImageOf, room: str) -> None:
    code, output = container.run(image(room), ["sh", "-c", _FACTS])
    assert code == 0, output
    assert output.split() == ["10001", "10001", "/tmp", "/tmp", "/tmp/.cache", "home", "1"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_an_image_needs_no_other_image(image: ImageOf, room: str) -> None:
    program = f"{_IMPORT_ALL}\n{_LATE[room]}"
    code, output = container.run(image(room), ["python", "-c", program], timeout_s=240)
    assert code == 0, output[-3000:]
    said = dict(line.partition(" ")[::2] for line in output.splitlines())
    assert said["rooms"].split() == sorted(["core", "report", room])
    assert int(said["modules"]) > 50
    assert said["uncompiled"] == ""


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.name)
def test_a_step_reaches_its_work(image: ImageOf, step: Step) -> None:
    """Its inputs were lost, and that is all that is wrong."""
    code, output = container.run(image(step.room), step.command, timeout_s=240)
    assert code == 1, output[-3000:]
    last = output.strip().splitlines()[-1]
    assert "FileNotFoundError" in last or "InputError" in last, output[-3000:]
    assert NOWHERE in last or "nothing" in last, last
    assert f"/app/components/{step.room}/{step.name}/run.py" in output


def test_there_is_a_step_of_every_image() -> None:
    assert {step.room for step in steps()} == set(ROOMS)
    assert len(steps()) == 10


@pytest.mark.parametrize(("room", "module"), HELPS, ids=lambda part: part)
def test_an_entry_point_says_what_it_is(image: ImageOf, room: str, module: str) -> None:
    code, output = container.run(image(room), ["python", "-m", module, "--help"])
    assert code == 0, output[-3000:]
    assert "usage:" in output.lower()


def test_git_reads_a_model_on_a_read_only_root(image: ImageOf) -> None:
    code, output = container.run(image("ops"), ["sh", "-euc", _GIT])
    assert code == 0, output[-3000:]
    assert "b'name: flights\\n'" in output


def test_the_server_is_process_1_and_ends_when_it_is_told(image: ImageOf, tmp_path: Path) -> None:
    port = free_port()
    made = image("model")
    entry = made.stage.command("ENTRYPOINT")
    # As KServe starts it: the runtime's arguments stand for CMD, the model's own come behind.
    runtime = ["--model-dir", "/mnt/models", "--host", "0.0.0.0", "--port", str(port)]
    command = [*entry, *runtime, "--name", "small", "--log", "/tmp/log"]
    output, address = tmp_path / "output", f"http://127.0.0.1:{port}"
    with container.running(made, command, output=output) as (process, first):
        until(lambda: answers(f"{address}/v2/health/ready"), process, output)
        metrics = httpx.get(f"{address}/metrics", **PATIENT).text
        assert "ratoon_model_trained_timestamp_seconds" in metrics
        refused = httpx.post(f"{address}/v1/models/small:predict", json={}, **PATIENT)
        assert refused.status_code == 400
        assert Path(f"/proc/{first}/status").read_text("utf-8").count("\nUid:\t10001") == 1
        os.kill(first, signal.SIGTERM)
        assert process.wait(30) == 0  # by itself: after 30 s Kubernetes kills a pod


def test_the_arguments_of_the_image_are_those_of_the_runtime() -> None:
    from tests.images.dockerfile import stage

    runtime = (ROOT / "manifests/serving/runtime.yaml").read_text(encoding="utf-8")
    words = [word.strip(' "') for word in runtime.partition("args: [")[2].split("]")[0].split(",")]
    assert words == stage("model", "").command("CMD")


@pytest.mark.parametrize("after_s", [0.3, 2.0])
def test_a_server_that_still_loads_ends_when_it_is_told(image: ImageOf, after_s: float) -> None:
    made = image("model")
    command = [*made.stage.command("ENTRYPOINT"), "--log", "/tmp/log", "--port", str(free_port())]
    with container.running(made, command) as (process, first):
        until(lambda: b"components.model.serve" in cmdline(first), process)
        time.sleep(after_s)
        os.kill(first, signal.SIGTERM)
        assert process.wait(15) == 128 + signal.SIGTERM


def test_the_exporter_is_process_1_and_ends_when_it_is_told(image: ImageOf, tmp_path: Path) -> None:
    port = free_port()
    script = 'echo "small: /tmp/audit" > /tmp/models.yaml; exec "$@"'
    options = ["--models", "/tmp/models.yaml", "--port", str(port)]
    command = ["sh", "-c", script, "sh", "python", "-m", "components.ops.exporter", *options]
    output = tmp_path / "output"
    with container.running(image("ops"), command, output=output) as (process, first):
        until(lambda: answers(f"http://127.0.0.1:{port}/metrics"), process, output)
        os.kill(first, signal.SIGTERM)
        assert process.wait(10) == 0


def answers(address: str) -> bool:
    try:
        return httpx.get(address, **PATIENT).status_code == 200
    except httpx.TransportError:
        return False


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def until(condition: Callable[[], bool], process, output: Path | None = None) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        said = output.read_text(encoding="utf-8") if output else ""
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
