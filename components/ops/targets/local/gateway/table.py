"""The table of routes, read again from the record as soon as it changes."""

import logging
from pathlib import Path

from components.core.errors import InputError
from components.ops.targets.local.gateway.routes import Routes, routes_of
from components.ops.targets.local.record import RecordFile

_log = logging.getLogger(__name__)
_State = tuple[int, int, int]


class Table:
    """The routes of a serving folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file = RecordFile(folder)
        self._path = self._file.path
        self._state: _State | None = None
        self._routes = Routes()

    def current(self) -> Routes:
        """The routes as the record has them now; one stat call where it did not change.

        A damaged record leaves the routes as they were: what serves goes on serving.
        """
        state = self._read_state()
        if state != self._state:
            self._state = state
            self._reload()
        return self._routes

    def _read_state(self) -> _State | None:
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
