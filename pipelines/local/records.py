"""What runs and finished steps leave on disk, so that an interrupted run goes on."""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.dsl.executor import create_artifact_instance

from components.core.errors import InputError, RunError
from pipelines.local.machine import digest_artifact

STATE_FILE = "run.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True)
class ArtifactRecord:
    """An output artifact: its fields in kfp, and the digest of its content."""

    name: str
    uri: str
    schema_title: str
    metadata: Mapping[str, Any]
    digest: str | None

    @classmethod
    def of(cls, artifact: dsl.Artifact) -> "ArtifactRecord":
        """Records an artifact as it is now."""
        uri, metadata = artifact.uri, dict(artifact.metadata)
        return cls(artifact.name, uri, artifact.schema_title, metadata, digest_artifact(uri))

    def to_artifact(self) -> dsl.Artifact:
        """Makes the artifact again."""
        fields = {"name": self.name, "uri": self.uri, "metadata": dict(self.metadata)}
        return create_artifact_instance({**fields, "type": {"schemaTitle": self.schema_title}})


@dataclass(frozen=True)
class StepRecord:
    """A finished step: the key of its work, and the results."""

    key: str
    seconds: float
    log: str
    parameters: Mapping[str, Any]
    artifacts: Mapping[str, ArtifactRecord]

    def outputs(self) -> dict[str, Any]:
        """The outputs as kfp's orchestration passes them on."""
        made = {name: record.to_artifact() for name, record in self.artifacts.items()}
        return {**self.parameters, **made}

    @classmethod
    def read(cls, path: Path, key: str) -> "StepRecord | None":
        """Reads the record of the same work, if there is one and its artifacts are unharmed."""
        try:
            content = json.loads(path.read_text())
            artifacts = {k: ArtifactRecord(**v) for k, v in content.pop("artifacts").items()}
            record = cls(artifacts=artifacts, **content)
        except (OSError, ValueError, KeyError, TypeError):
            # Another version wrote it, or somebody edited it.
            return None
        unharmed = all(digest_artifact(a.uri) == a.digest for a in artifacts.values())
        return record if record.key == key and unharmed else None


def write_json(path: Path, content: object) -> None:
    """Writes JSON by a temporary file and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=1))
    temporary.replace(path)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; its name is the run's own name."""

    path: Path

    @property
    def name(self) -> str:
        """The run's own name."""
        return self.path.name

    def set_state(self, state: str) -> None:
        """Records how far the run came: running, failed, interrupted, succeeded."""
        write_json(self.path / STATE_FILE, {"state": state})

    def state(self) -> str:
        """How far the run came; empty if it never began."""
        try:
            return str(json.loads((self.path / STATE_FILE).read_text())["state"])
        except (OSError, ValueError, KeyError):
            return ""


def choose_folder(workspace: Path, run_id: str) -> RunFolder:
    """The unfinished run of this key, or a free name for a new one.

    A finished run's artifacts may be in use, so a second run of its key is `<run_id>-2`.

    Raises:
        InputError: The key cannot name a folder.
    """
    if not _NAME.fullmatch(run_id):
        raise InputError("run id", run_id, "letters, digits, '.', '_' and '-'")
    names = chain([run_id], (f"{run_id}-{number}" for number in count(2)))
    folders = (RunFolder(workspace / "runs" / name) for name in names)
    return next(folder for folder in folders if folder.state() != "succeeded")


@contextmanager
def lock_run(folder: RunFolder) -> Iterator[None]:
    """Keeps a second runner out of the folder; the lock ends with the process.

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
