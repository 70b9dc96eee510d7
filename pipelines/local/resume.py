"""Which folder a run works in: an unfinished one goes on, a finished one is left alone."""

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from components.core.errors import InputError, RunError
from pipelines.local.records import write_json

STATE_FILE = "run.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; its name is the run's own name."""

    path: Path

    @property
    def name(self) -> str:
        """The run's own name."""
        return self.path.name

    def step(self, path: str) -> Path:
        """Places a step: log, record and `outputs` are inside."""
        return self.path / path

    def set_state(self, state: str) -> None:
        """Writes down how far the run came: running, failed, interrupted, succeeded."""
        write_json(self.path / STATE_FILE, {"state": state})

    def state(self) -> str:
        """Reads how far the run came; empty for one that never began."""
        try:
            return str(json.loads((self.path / STATE_FILE).read_text())["state"])
        except (OSError, ValueError, KeyError):
            return ""


def choose_folder(workspace: Path, run_id: str) -> RunFolder:
    """Finds the unfinished run of this key, or a free name for a new one.

    A finished run's artifacts may be in use, so a second run of its key is `<run_id>-2`.

    Raises:
        InputError: The key cannot be the name of a folder.
    """
    if not _NAME.fullmatch(run_id):
        raise InputError("run id", run_id, "letters, digits, '.', '_' and '-'")
    for number in count(1):
        name = run_id if number == 1 else f"{run_id}-{number}"
        folder = RunFolder(workspace / "runs" / name)
        if folder.state() != "succeeded":
            break
    return folder


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Keeps a second runner out of the folder; the lock goes with the process, however it ends.

    Raises:
        RunError: Another runner works in it.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    with (folder.path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"run {folder.name} is already going on in {folder.path}") from error
        yield
