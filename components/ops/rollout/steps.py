"""One step of a rollout: sets a share of the traffic, then measures until it can be assessed."""

import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.core import storage
from components.core.artifacts import TRIAL_REQUEST
from components.core.errors import ApiUnavailable
from components.core.spec.operation import Canary
from components.ops.rollout.canary import (
    CanaryAnalysis,
    CanaryAssessment,
    Decision,
    PredictionStats,
    VersionStats,
    assess_canary,
)
from components.ops.targets.protocol import Target

_COLUMNS = ["request_id", "version", "probability"]
_Stats = Mapping[str, VersionStats]


class LogReader:
    """Sums up the prediction log from now on.

    Existing files are left out, so that no two clocks have to be compared.
    """

    def __init__(self, log: str, versions: Iterable[str]) -> None:
        self._log, self._versions = log.rstrip("/"), tuple(versions)
        self._predictions = dict.fromkeys(self._versions, PredictionStats())
        self._known = set(self._files())

    def read(self) -> dict[str, PredictionStats]:
        """Returns what each version predicted since this reader was created."""
        for file in self._files():
            if file not in self._known:
                self._known.add(file)
                self._add(storage.read_bytes(file))
        return dict(self._predictions)

    def _files(self) -> list[str]:
        return [
            file
            for version in self._versions
            for file in storage.list_files(f"{self._log}/*/{version}-*.parquet")
        ]

    def _add(self, content: bytes) -> None:
        try:
            rows = pq.read_table(io.BytesIO(content), columns=_COLUMNS)
        except (pa.ArrowException, OSError):  # truncated or damaged: lost, so not counted
            return
        rows = rows.filter(pc.invert(pc.starts_with(rows["request_id"], TRIAL_REQUEST)))
        for version in self._versions:
            # A row without a probability neither counts nor dilutes the mean.
            found = rows.filter(pc.equal(rows["version"], version))["probability"].drop_null()
            if len(found):
                before, total = self._predictions[version], pc.sum(found).as_py() or 0.0
                squares = pc.sum(pc.multiply(found, found)).as_py() or 0.0
                self._predictions[version] = PredictionStats(
                    before.rows + len(found), before.total + total, (before.squares or 0) + squares
                )


@dataclass(frozen=True)
class CanaryStep:
    """A step that ended."""

    analysis: CanaryAnalysis
    assessment: CanaryAssessment
    seconds: float


class CanaryWatch:
    """Watches both versions during a rollout."""

    def __init__(
        self, target: Target, log: str, candidate: str, champion: str, canary: Canary
    ) -> None:
        self._target, self._canary = target, canary
        self._candidate, self._champion = candidate, champion
        self._log = LogReader(log, (candidate, champion))
        self._first: _Stats | None = None

    def run(self, share: float, poll_s: float) -> CanaryStep:
        """Gives the candidate a share and waits for an assessment; CandidateGone if it ended."""
        started = time.monotonic()
        timeout_s = self._canary.timeout.total_seconds()
        before: _Stats | None = None
        while True:
            waited_s = time.monotonic() - started
            now = self._read()
            if now is not None and before is None:
                before = now
                self._first = self._first or now
                self._target.shift(self._candidate, share)
            analysis = self._analyze(share, before, now, waited_s > timeout_s)
            assessment = assess_canary(analysis, self._canary)
            if assessment.decision is not Decision.WAIT:
                return CanaryStep(analysis, assessment, waited_s)
            staged = self._target.staged()
            if staged is None or staged.version != self._candidate:
                self._target.shift(self._candidate, share)  # raises CandidateGone
            time.sleep(poll_s)

    def _read(self) -> _Stats | None:
        """Reads both versions; None if the target does not answer just now."""
        predictions = self._log.read()
        try:
            return {
                version: VersionStats(self._target.traffic(version), predictions[version])
                for version in (self._candidate, self._champion)
            }
        except ApiUnavailable:  # retried until the deadline
            return None

    def _analyze(
        self, share: float, before: _Stats | None, now: _Stats | None, overdue: bool
    ) -> CanaryAnalysis:
        if before is None or now is None or self._first is None:
            return CanaryAnalysis(share, VersionStats(), VersionStats(), overdue)
        candidate = _since(now[self._candidate], before[self._candidate])
        champion = _since(now[self._champion], before[self._champion])
        if champion.traffic.requests < self._canary.min_requests:
            # A large share leaves the champion few requests: its earlier steps count too.
            champion = _since(now[self._champion], self._first[self._champion])
        return CanaryAnalysis(share, candidate, champion, overdue)


def _since(now: VersionStats, before: VersionStats) -> VersionStats:
    return VersionStats(
        now.traffic.since(before.traffic), now.predictions.since(before.predictions)
    )
