"""``record.json``: what a serving folder remembers, and the lock for changing it."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.core.artifacts import Record
from components.core.errors import DeadlineExceeded
from components.ops.targets.protocol import DeployedVersion
from components.ops.targets.rollout_state import RolloutState

RECORD = "record.json"
_LOCK_TIMEOUT_S = 120.0
_POLL_S = 0.02


class Process(Record):
    """A process, distinct from a later one with the same id."""

    pid: int
    started: str


class ServerProcess(Record):
    """A process that answers HTTP on this machine; it may have ended since."""

    port: int
    process: Process


class LocalVersion(DeployedVersion):
    """A version in ``models/<version>`` of this folder; its server is None if not started."""

    log: str
    server: ServerProcess | None = None


class LocalRecord(RolloutState[LocalVersion]):
    """Everything that a serving folder remembers.

    Attributes:
        draining: Versions without new requests, whose servers are to be ended.
        gateway: The process behind the address of clients.
    """

    format: Literal[1] = 1
    draining: tuple[LocalVersion, ...] = ()
    gateway: ServerProcess | None = None

    def retired(self, version: LocalVersion, *, served: bool) -> Mapping[str, Any]:
        """Drains the version; an earlier champion is remembered."""
        ended = version.model_copy(update={"server": None})
        previous = self.with_previous(ended) if served else self.previous
        return {"draining": (*self.draining, version), "previous": previous}

    @property
    def kept_versions(self) -> frozenset[str]:
        """The versions whose model folders are kept: all in use, and the last few champions."""
        used = (self.champion, self.candidate, *self.draining, *self.previous)
        return frozenset(d.version for d in used if d)

    @property
    def servers(self) -> tuple[ServerProcess, ...]:
        """Every recorded process, the gateway first."""
        deployed = (self.champion, self.candidate, *self.draining)
        servers = (self.gateway, *(d.server for d in deployed if d))
        return tuple(server for server in servers if server)


@dataclass(frozen=True)
class RecordFile:
    """The record of one folder on disk."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / RECORD

    def read(self) -> LocalRecord | None:
        """Reads the record; None if there is none yet, InputError if it is damaged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        do = "Restore a copy of it; or run `ratoon serve stop` and move the folder away."
        return LocalRecord.parse(content, str(self.path), "the record that Ratoon wrote", do)

    def write(self, record: LocalRecord) -> None:
        """Replaces the record atomically."""
        part = self.path.with_suffix(".part")
        with part.open("wb") as stream:
            stream.write(record.content())
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the record against every other writer; DeadlineExceeded if one held it too long."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "record.lock").open("a") as stream:
            self._acquire(stream.fileno())
            yield  # closing the file releases the lock, and so does the end of the process

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(
                        f"{self.folder}: another process has held the lock for more than "
                        f"{_LOCK_TIMEOUT_S:.0f} s"
                    ) from error
                time.sleep(_POLL_S)
            else:
                return
