"""The prediction log as a rollout reads it: the mean answer of each version, file by file."""

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import TRIAL_REQUEST
from components.ops.rollout.canary import Answers

_COLUMNS = ["request_id", "version", "probability"]


class LogReader:
    """Sums up what is logged from now on.

    Files that are there already are left out, so that no clock has to be compared with another.

    Args:
        log: Folder or URI of the prediction log.
        versions: The versions of interest.
    """

    def __init__(self, log: str, versions: Iterable[str]) -> None:
        self._log, self._versions = log.rstrip("/"), tuple(versions)
        self._answers = dict.fromkeys(self._versions, Answers())
        self._seen = set(self._files())

    def read(self) -> dict[str, Answers]:
        """What each version predicted since this reader was made."""
        for file in self._files():
            if file not in self._seen:
                self._seen.add(file)
                self._add(storage.read_bytes(file))
        return dict(self._answers)

    def _files(self) -> list[str]:
        return [
            file
            for version in self._versions
            for file in storage.list_files(f"{self._log}/*/{version}-*.parquet")
        ]

    def _add(self, content: bytes) -> None:
        try:
            rows = pq.read_table(io.BytesIO(content), columns=_COLUMNS)
        except pa.ArrowInvalid:  # as a full disk leaves it: lost, and so not counted
            return
        rows = rows.filter(pc.invert(pc.starts_with(rows["request_id"], TRIAL_REQUEST)))
        for version in self._versions:
            # A row without a probability answered nothing: it neither counts nor dilutes the mean.
            found = rows.filter(pc.equal(rows["version"], version))["probability"].drop_null()
            if len(found):
                before, total = self._answers[version], pc.sum(found).as_py() or 0.0
                self._answers[version] = Answers(before.rows + len(found), before.total + total)
