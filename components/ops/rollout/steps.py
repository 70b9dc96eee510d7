"""The prediction log as a rollout reads it: the mean answer of each version, file by file."""

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


class LogReader:
    """Sums up what is logged from now on.

    Files that are there already are left out, so that no clock has to be compared with another.

    Args:
        log: Folder or URI of the prediction log.
        versions: The versions of interest.
    """

    def __init__(self, log: str, versions: Iterable[str]) -> None:
        self._log, self._versions = log.rstrip("/"), tuple(versions)
        self._answers = dict.fromkeys(self._versions, PredictionStats())
        self._seen = set(self._files())

    def read(self) -> dict[str, PredictionStats]:
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
                self._answers[version] = PredictionStats(
                    before.rows + len(found), before.total + total
                )


# ---- steps: The steps of a rollout: a share of the traffic, and the wait for the numbers to ju

_Sides = Mapping[str, VersionStats]


@dataclass(frozen=True)
class CanaryStep:
    """A step that ended.

    Attributes:
        seen: What was seen when it was decided.
        assessment: What was decided.
        seconds: How long it took.
    """

    seen: CanaryAnalysis
    assessment: CanaryAssessment
    seconds: float


class CanaryWatch:
    """Watches the two versions of a rollout.

    Args:
        target: Where they serve.
        log: Their prediction log.
        candidate: The candidate's version.
        champion: The champion's version.
        canary: The limits of the spec.
    """

    def __init__(
        self, target: Target, log: str, candidate: str, champion: str, canary: Canary
    ) -> None:
        self._target, self._canary = target, canary
        self._candidate, self._champion = candidate, champion
        self._log = LogReader(log, (candidate, champion))
        self._began: _Sides | None = None

    def run(self, share: float, poll_s: float) -> CanaryStep:
        """Gives the candidate a share and waits until it can be judged.

        Args:
            share: Of the traffic.
            poll_s: Seconds between two looks.

        Raises:
            CandidateGone: It was rolled back or replaced meanwhile.
        """
        started = time.monotonic()
        deadline_s = self._canary.timeout.total_seconds()
        before: _Sides | None = None
        while True:
            waited_s = time.monotonic() - started
            now = self._look()
            if now is not None and before is None:
                before = now
                self._began = self._began or now
                self._target.shift(self._candidate, share)
            seen = self._seen(share, before, now, waited_s > deadline_s)
            assessment = assess_canary(seen, self._canary)
            if assessment.decision is not Decision.WAIT:
                return CanaryStep(seen, assessment, waited_s)
            self._check_staged(share)
            time.sleep(poll_s)

    def _look(self) -> _Sides | None:
        """Both versions as they stand; None where the target is not to be asked just now."""
        answers = self._log.read()
        try:
            return {
                version: VersionStats(self._target.traffic(version), answers[version])
                for version in (self._candidate, self._champion)
            }
        except ApiUnavailable:  # asked again until the deadline
            return None

    def _seen(
        self,
        share: float,
        before: _Sides | None,
        now: _Sides | None,
        overdue: bool,
    ) -> CanaryAnalysis:
        if before is None or now is None or self._began is None:
            return CanaryAnalysis(share, VersionStats(), VersionStats(), overdue)
        candidate = _since(now[self._candidate], before[self._candidate])
        champion = _since(now[self._champion], before[self._champion])
        if champion.traffic.requests < self._canary.min_requests:
            # At a large share little is left to the champion: its earlier steps count too.
            champion = _since(now[self._champion], self._began[self._champion])
        return CanaryAnalysis(share, candidate, champion, overdue)

    def _check_staged(self, share: float) -> None:
        staged = self._target.staged()
        if staged is None or staged.version != self._candidate:
            self._target.shift(self._candidate, share)  # says that it is gone


def _since(now: VersionStats, before: VersionStats) -> VersionStats:
    return VersionStats(now.traffic.since(before.traffic), now.answers.since(before.answers))
