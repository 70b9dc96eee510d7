"""The environment that a Dockerfile makes is the one that everything else here is tested in."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images import container
from tests.images.container import ENVS, Image
from tests.images.dockerfile import ROOMS, ROOT, stage
from tests.needs import skip_or_fail

_INSTALLED = """
import importlib.metadata, json, re
print(json.dumps({re.sub(r"[-_.]+", "-", d.name).lower(): d.version
                  for d in importlib.metadata.distributions()}))
"""
_OF_THE_INSTALLER = {"pip", "setuptools", "wheel"}


def installed(python: Path) -> dict[str, str]:
    """Name to version of what an environment holds."""
    done = subprocess.run([str(python), "-c", _INSTALLED], capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def pinned(room: str) -> dict[str, str]:
    """Name to version of what a lock names."""
    text = (ROOT / f"components/{room}/requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==([^\s;]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def without_installer(versions: dict[str, str]) -> dict[str, str]:
    return {name: v for name, v in versions.items() if name not in _OF_THE_INSTALLER}


@pytest.mark.parametrize("room", ROOMS)
def test_the_environment_of_the_laptop_is_the_lock_and_nothing_else(room: str) -> None:
    python = ENVS / room / "bin/python"
    if not python.exists():
        skip_or_fail(f"there is no {python}: make it with make .venv/ready")
    assert without_installer(installed(python)) == without_installer(pinned(room))


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes a minute and a registry: CI only")
def test_the_steps_of_the_dockerfile_make_it_too(
    image: Callable[[str], Image], tmp_path: Path
) -> None:
    """The smallest of the three, by the very commands of its Dockerfile."""
    environment = stage("ops", "environment")
    (command,) = environment.said("RUN")
    ((lock, copied),) = environment.copies()
    shutil.copy(ROOT / lock, tmp_path / "requirements.lock")
    made, python = tmp_path / "ratoon", (ENVS / "ops/bin/python").resolve()
    here = command.replace("/opt/ratoon", str(made)).replace(
        copied, str(tmp_path / "requirements.lock")
    )
    here = here.replace("python -m venv", f"{python} -m venv", 1)
    shell(here)
    assert without_installer(installed(made / "bin/python")) == without_installer(pinned("ops"))
    ours = image("ops")
    theirs = Image(ours.room, ours.root, ours.stage, {**ours.mounts, "/opt/ratoon": made})
    for module in ("components.ops.exporter", "pipelines.cli"):
        code, output = container.run(theirs, ["python", "-m", module, "--help"])
        assert code == 0, output[-3000:]
    (install,) = (run for run in stage("ops", "").said("RUN") if "-m pip install" in run)
    shell(install.replace("/opt/ratoon", str(made)).replace("/app", str(ours.root / "app")))
    # The script names the interpreter that it was installed for, which is elsewhere in there.
    code, output = container.run(theirs, ["python", "/opt/ratoon/bin/ratoon", "--help"])
    assert code == 0, output[-3000:]
    assert "Usage" in output


def shell(command: str) -> None:
    """Run a RUN of a Dockerfile, whose words name folders of this machine."""
    done = subprocess.run(["sh", "-euc", command], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
