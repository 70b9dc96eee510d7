"""Which Python runs a command: this one, or that of an image's environment beside the checkout."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import RunError
from pipelines.local.machine import Machine

# Set for the process that another environment's Python runs.
_CONTINUED = "RATOON_CONTINUED"


def continue_in_ops() -> None:
    """Runs this command once more with the Python of the ops environment, if there is one.

    The clients of clusters and object stores are there. Without environments (in the ops image)
    the command goes on in this process.
    """
    machine = Machine.of_checkout()
    python = machine.envs / "ops" / "bin" / "python3"
    if _CONTINUED in os.environ or not python.exists() or _is_running(machine.envs / "ops"):
        return
    sys.stdout.flush()
    environment = machine.environment("ratoon-ops", {_CONTINUED: "ops"})
    os.execve(python, [str(python), "-m", "pipelines.cli", *sys.argv[1:]], environment)  # noqa: S606


@contextmanager
def development_environment() -> Iterator[None]:
    """Turns a missing import into one sentence.

    Raises:
        RunError: A package of the development environment is not there.
    """
    try:
        yield
    except ImportError as error:
        raise RunError(
            f"This command needs the development environment of a checkout ({error.name} is not "
            "installed here): run `make .venv/ready` there, then .venv/dev/bin/ratoon."
        ) from error


def _is_running(environment: Path) -> bool:
    """Whether this Python has the packages of an environment, be it itself or laid over it."""
    places = (Path(sys.prefix), *map(Path, sys.path))
    return any(place.resolve().is_relative_to(environment.resolve()) for place in places)
