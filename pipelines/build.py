"""Builds the three images, or pushes them, with docker or podman: whichever is there and answers.

``python -m pipelines.build --registry registry.example.com/team --tag 0.1.0 [--push]``
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence

from components.core.errors import InputError
from pipelines.images import REPOSITORIES, Images

ENGINES = ("docker", "podman")
_ANSWERS_WITHIN_S = 60


def find_engine() -> str:
    """The first engine that answers.

    Raises:
        InputError: None is installed, or none answers.
    """
    said = {engine: _complaint(engine) for engine in ENGINES}
    for engine, complaint in said.items():
        if not complaint:
            return engine
    given = "; ".join(f"{engine}: {complaint}" for engine, complaint in said.items())
    do = "Install one of them, or start its service, and run this again."
    raise InputError("container engine", given, " or ".join(ENGINES) + " that answers", do)


def build(engine: str, images: Images, revision: str) -> None:
    """Builds every image from the working directory, which is the repository's root.

    Raises:
        subprocess.CalledProcessError: The engine failed; it has said why.
    """
    for repository in REPOSITORIES:
        file = f"components/{repository.removeprefix('ratoon-')}/Dockerfile"
        said = ["--build-arg", f"VERSION={images.tag}", "--build-arg", f"REVISION={revision}"]
        name = images.named(repository)
        subprocess.run([engine, "build", "-f", file, "-t", name, *said, "."], check=True)


def push(engine: str, images: Images) -> None:
    """Pushes every image.

    Raises:
        InputError: There is no registry to push to.
        subprocess.CalledProcessError: The engine failed; it has said why.
    """
    if not images.registry:
        do = "Name the registry that `make images` was given: make push REGISTRY=… TAG=…"
        raise InputError("REGISTRY", "", "such as registry.example.com/team", do)
    for repository in REPOSITORIES:
        subprocess.run([engine, "push", images.named(repository)], check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds or pushes; 1 where that was not possible."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.build", description=__doc__)
    parser.add_argument("--registry", default="", help="such as registry.example.com/team")
    parser.add_argument("--tag", default="dev", help="of all three images")
    parser.add_argument("--push", action="store_true", help="push what was built before")
    options = parser.parse_args(arguments)
    try:
        images = Images(options.registry, options.tag)
        if options.push:
            push(find_engine(), images)
        else:
            build(find_engine(), images, _revision())
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error.cmd[0]} {error.cmd[1]} failed; what it said is above.\n")
        return 1
    return 0


def _complaint(engine: str) -> str:
    """What is wrong with an engine; empty where it answers."""
    if shutil.which(engine) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [engine, "info"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWERS_WITHIN_S} s"
    lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return lines[-1] if done.returncode else ""


def _revision() -> str:
    """The commit that is checked out, marked where files differ from it."""
    if shutil.which("git") is None:
        return "unknown"
    command = ["git", "describe", "--always", "--abbrev=40", "--match=", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
