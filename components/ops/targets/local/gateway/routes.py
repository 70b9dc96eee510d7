"""Which version answers a request: read from the record, and again as soon as it changes."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import InputError
from components.ops.targets.local.record import LocalRecord, LocalVersion, RecordFile

_log = logging.getLogger(__name__)
_FileState = tuple[int, int, int]


@dataclass(frozen=True)
class Backend:
    """A version's server."""

    version: str
    port: int


@dataclass(frozen=True)
class TrafficRoutes:
    """Where requests go."""

    champion: Backend | None = None
    candidate: Backend | None = None
    share: float = 0.0

    def choose(self, request_id: str) -> Backend | None:
        """Chooses the version for a prediction, the same for the same id and routes.

        A request that the candidate answers at one share is answered by it at any larger one.
        """
        if self.candidate and hash_fraction(request_id, self.candidate.version) < self.share:
            return self.candidate
        return self.champion


def routes_of(record: LocalRecord | None) -> TrafficRoutes:
    """Returns the routes of a record."""
    if record is None:
        return TrafficRoutes()
    return TrafficRoutes(_backend(record.champion), _backend(record.candidate), record.share)


def hash_fraction(request_id: str, version: str) -> float:
    """Hashes a request to [0, 1); each candidate meets other requests first."""
    text = f"{version}\n{request_id}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)


class RouteTable:
    """The routes of a serving folder."""

    def __init__(self, folder: Path) -> None:
        self._file = RecordFile(folder)
        self._path = self._file.path
        self._state: _FileState | None = None
        self._routes = TrafficRoutes()

    def current(self) -> TrafficRoutes:
        """Returns the routes as recorded now; one stat call if the record did not change.

        A damaged record leaves the routes as they were: what serves goes on serving.
        """
        state = self._read_state()
        if state != self._state:
            self._state = state
            self._reload()
        return self._routes

    def _read_state(self) -> _FileState | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _reload(self) -> None:
        try:
            self._routes = routes_of(self._file.read())
        except (InputError, OSError):
            _log.exception("the record cannot be read; the routes stay as they were")
            return
        _log.info("routes: %s", self._routes)


def _backend(version: LocalVersion | None) -> Backend | None:
    if version is None or version.server is None:
        return None
    return Backend(version.version, version.server.port)
