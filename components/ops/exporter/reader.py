"""Reads an audit again and again; a file that was read once is never read again."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from components.core import audit, storage
from components.core.audit import AuditEntry
from components.ops.exporter.summary import Summary, note

_LOGGER = logging.getLogger("ratoon.exporter")
_AT_ONCE = 200


@dataclass(frozen=True)
class Reading:
    """What an audit held when it was last read.

    Attributes:
        summary: What its entries say.
        retrainings: Retrainings claimed.
        entries: Entries read.
        damaged: Files that are no entry.
    """

    summary: Summary
    retrainings: int = 0
    entries: int = 0
    damaged: int = 0


class Reader:
    """Reads the entries of one model.

    Args:
        model: The model's name; entries of others are left out.
        uri: The audit.
    """

    def __init__(self, model: str, uri: str) -> None:
        self._model, self._uri = model, uri
        self._seen: set[str] = set()
        self._summary, self._damaged = Summary(), 0

    def read(self) -> Reading:
        """Reads what is new.

        Raises:
            Exception: Whatever the store raises; what was read before is kept.
        """
        fresh = [file for file in audit.entry_files(self._uri) if file not in self._seen]
        for start in range(0, len(fresh), _AT_ONCE):
            self._take(fresh[start : start + _AT_ONCE])
        claims = len(audit.retrainings(self._uri))
        return Reading(self._summary, claims, len(self._seen) - self._damaged, self._damaged)

    def _take(self, files: Iterable[str]) -> None:
        """Many files at a time: an object store answers them side by side."""
        paths = {storage.resolve(file)[1]: file for file in files}
        filesystem, _ = storage.resolve(self._uri)
        for path, content in filesystem.cat(list(paths)).items():
            self._note(paths[path], content)
            self._seen.add(paths[path])

    def _note(self, file: str, content: bytes) -> None:
        try:
            entry = AuditEntry.model_validate_json(content)
            if entry.model == self._model:
                self._summary = note(self._summary, entry)
        except ValueError:  # pydantic's is one, and an instant that is none
            self._damaged += 1
            _LOGGER.error("%s is no entry of an audit; it is left out.", file)
