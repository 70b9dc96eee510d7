"""``record.json``: what a folder of local serving remembers, and its lock."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, field_validator

from components.core.artifacts import Record
from components.core.errors import DeadlineExceeded, InputError
from components.ops.targets.state import RolloutState, Version

RECORD = "record.json"
_LOCK_TIMEOUT_S = 120.0
_POLL_S = 0.02


class Process(Record):
    """A process, told apart from a later one that got the same id.

    Attributes:
        pid: Its id.
        started: The machine's boot and the moment of its start.
    """

    pid: int
    started: str


class Server(Record):
    """A process that answers HTTP on this machine; it may have ended since."""

    port: int
    process: Process


class Deployed(Version):
    """A version that is published in this folder, in ``models/<version>``.

    Attributes:
        log: Where its server writes the prediction log.
        audit: Where the audit of its rollout goes; None: not remembered.
        server: Its server; None: not started.
    """

    log: str
    audit: str | None = None
    server: Server | None = None


class LocalRecord(RolloutState[Deployed]):
    """Everything that a folder of local serving remembers.

    Attributes:
        format: Of this file.
        draining: Versions that get no request any more and whose servers are to be ended.
        gateway: The process behind the address of clients.
    """

    format: Literal[1] = 1
    draining: tuple[Deployed, ...] = ()
    gateway: Server | None = None

    @field_validator("previous", mode="before")
    @classmethod
    def _without_names(cls, value: object) -> object:
        """An older release kept only the names of earlier champions: none to go back to."""
        if isinstance(value, list | tuple):
            return tuple(one for one in value if not isinstance(one, str))
        return value

    def retired(self, version: Deployed, *, served: bool) -> Mapping[str, Any]:
        """Its server is ended when it is drained."""
        ended = version.model_copy(update={"server": None})
        previous = self.with_earlier(ended) if served else self.previous
        return {"draining": (*self.draining, version), "previous": previous}

    @property
    def kept_versions(self) -> frozenset[str]:
        """The versions whose model folders stay: all in use, and the last few champions."""
        used = (self.champion, self.candidate, *self.draining, *self.previous)
        return frozenset(d.version for d in used if d)

    @property
    def servers(self) -> tuple[Server, ...]:
        """Every process that it knows, the gateway first."""
        deployed = (self.champion, self.candidate, *self.draining)
        servers = (self.gateway, *(d.server for d in deployed if d))
        return tuple(server for server in servers if server)


@dataclass(frozen=True)
class RecordFile:
    """The record of one folder on disk.

    Attributes:
        folder: The folder.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / RECORD

    def read(self) -> LocalRecord | None:
        """The record; None where there is none yet.

        Raises:
            InputError: The file is damaged.
        """
        try:
            return LocalRecord.read(self.path)
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError) as error:
            raise InputError(
                str(self.path),
                str(error).splitlines()[0],
                "the record that Ratoon wrote",
                "Put back a copy of it; or end what serves there with `python -m components.ops."
                f"deploy.targets.local.stop {self.folder}` and move the folder away.",
            ) from error

    def write(self, record: LocalRecord) -> None:
        """Replaces the record: a reader sees the old one or the new one, never a part."""
        part = self.path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            stream.write(record.model_dump_json(indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other writer out.

        Raises:
            DeadlineExceeded: Another writer holds the lock for too long.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "record.lock").open("a") as stream:
            self._take(stream.fileno())
            yield  # closing the file releases the lock, and so does the end of the process

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(
                        f"{self.folder}: another process changes what serves here for more than "
                        f"{_LOCK_TIMEOUT_S:.0f} s"
                    ) from error
                time.sleep(_POLL_S)
            else:
                return
