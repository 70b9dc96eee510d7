"""Builds the three images, or pushes them, with docker or podman: whichever answers first."""

import shutil
import subprocess
from pathlib import Path

from components.core.errors import InputError, RunError
from pipelines.settings import REPOSITORIES, CompileSettings

ENGINES = ("docker", "podman")
ROOT = Path(__file__).resolve().parents[1]
_TIMEOUT_S = 60


def build_images(settings: CompileSettings) -> None:
    """Builds every image from the checkout.

    Raises:
        InputError: No engine answers.
        RunError: The engine failed; its own message came first.
    """
    engine = _engine()
    version, revision = f"VERSION={settings.tag}", f"REVISION={_revision()}"
    arguments = ("--build-arg", version, "--build-arg", revision)
    for repository in REPOSITORIES:
        file = f"components/{repository.removeprefix('ratoon-')}/Dockerfile"
        _run(engine, "build", "-f", file, "-t", settings.image(repository), *arguments, ".")


def push_images(settings: CompileSettings) -> None:
    """Pushes every image.

    Raises:
        InputError: There is no registry to push to, or no engine answers.
        RunError: The engine failed; its own message came first.
    """
    if not settings.registry:
        do = "Name the registry that the images were built for."
        raise InputError("--registry", "", "such as registry.example.com/team", do)
    engine = _engine()
    for repository in REPOSITORIES:
        _run(engine, "push", settings.image(repository))


def _engine() -> str:
    """The first engine that answers."""
    problems = {engine: _problem(engine) for engine in ENGINES}
    for engine, problem in problems.items():
        if not problem:
            return engine
    given = "; ".join(f"{engine}: {problem}" for engine, problem in problems.items())
    do = "Install one of them, or start its service, and run this again."
    raise InputError("container engine", given, " or ".join(ENGINES) + " that answers", do)


def _run(engine: str, command: str, *arguments: str) -> None:
    if subprocess.run([engine, command, *arguments], cwd=ROOT).returncode:
        raise RunError(f"{engine} {command} failed; its message is above.")


def _problem(engine: str) -> str:
    """What is wrong with an engine; empty if it answers."""
    if shutil.which(engine) is None:
        return "not installed"
    try:
        done = subprocess.run([engine, "info"], capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT_S} s"
    lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return lines[-1] if done.returncode else ""


def _revision() -> str:
    """The commit that is checked out, marked if files differ from it."""
    if shutil.which("git") is None:
        return "unknown"
    command = ["git", "describe", "--always", "--abbrev=40", "--match=", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip() or "unknown"
