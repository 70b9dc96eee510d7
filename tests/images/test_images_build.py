"""Building and pushing, with programs that stand for docker and podman and note their calls."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.dockerfile import ROOT

_ENGINE = """#!/bin/sh
if [ "$1" = info ]; then {info}; fi
echo "{name} $*" >> {calls}
{rest}
"""


def engine(folder: Path, name: str, info: str = "exit 0", rest: str = "exit 0") -> None:
    folder.mkdir(exist_ok=True)
    text = _ENGINE.format(name=name, info=info, rest=rest, calls=folder / "calls")
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def images(folder: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """Exit code, error stream, and the calls of engines."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "images", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    calls = folder / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


AWAY = "echo 'client fine'; echo 'Cannot connect to the daemon' >&2; exit 1"


@pytest.mark.parametrize(
    ("engines", "used"),
    [
        ({"docker": "exit 0", "podman": "exit 0"}, "docker"),
        ({"docker": AWAY, "podman": "exit 0"}, "podman"),
        ({"podman": "exit 0"}, "podman"),
    ],
    ids=["both", "docker does not answer", "podman alone"],
)
def test_the_engine_that_answers_builds_every_image(tmp_path, engines, used) -> None:
    for name, info in engines.items():
        engine(tmp_path, name, info)
    code, said, calls = images(
        tmp_path, "build", "--registry", "registry.example.com/a", "--tag", "1.2"
    )
    assert (code, said) == (0, "")
    assert [call.split(" --build-arg")[0] for call in calls] == [
        f"{used} build -f components/{room}/Dockerfile -t registry.example.com/a/ratoon-{room}:1.2"
        for room in ("data", "model", "ops")
    ]
    assert all(call.endswith("--build-arg REVISION=unknown .") for call in calls)  # no git there
    assert all("--build-arg VERSION=1.2 " in call for call in calls)


def test_push(tmp_path) -> None:
    engine(tmp_path, "docker")
    code, said, calls = images(tmp_path, "push", "--registry", "localhost:5000", "--tag", "1")
    assert (code, said) == (0, "")
    names = [f"localhost:5000/ratoon-{room}:1" for room in ("data", "model", "ops")]
    assert calls == [f"docker push {name}" for name in names]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "--registry", "UPPER"], "--registry"),
        (["build", "--tag", "a b"], "--tag"),
        (["push"], "--registry: given ''"),
    ],
)
def test_what_no_registry_takes_is_refused(tmp_path, arguments, said) -> None:
    engine(tmp_path, "docker")
    code, error, calls = images(tmp_path, *arguments)
    assert (code, calls) == (1, [])
    assert said in error
    assert "Traceback" not in error


def test_no_engine_at_all(tmp_path) -> None:
    engine(tmp_path, "docker", AWAY)
    code, error, calls = images(tmp_path, "build")
    assert (code, calls) == (1, [])
    assert "docker: Cannot connect to the daemon; podman: not installed" in error
    assert "Traceback" not in error


def test_a_build_that_fails_ends_it(tmp_path) -> None:
    engine(tmp_path, "docker", rest="exit 3")
    code, error, calls = images(tmp_path, "build")
    assert code == 1
    assert len(calls) == 1
    assert "docker build failed" in error
    assert "Traceback" not in error
