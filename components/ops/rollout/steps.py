"""The steps of a rollout: a share of the traffic, and the wait for the numbers to judge it by."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from components.core.errors import ApiUnavailable
from components.core.spec.operation import Canary
from components.ops.rollout.canary import Judgement, Move, Seen, Side, judge
from components.ops.rollout.prediction_log import LogReader
from components.ops.targets.protocol import Target

_Sides = Mapping[str, Side]


@dataclass(frozen=True)
class Step:
    """A step that ended.

    Attributes:
        seen: What was seen when it was decided.
        judgement: What was decided.
        seconds: How long it took.
    """

    seen: Seen
    judgement: Judgement
    seconds: float


class Watch:
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

    def run(self, share: float, poll_s: float) -> Step:
        """Gives the candidate a share and waits until it can be judged.

        Args:
            share: Of the traffic.
            poll_s: Seconds between two looks.

        Raises:
            CandidateGone: It was rolled back or replaced meanwhile.
        """
        started = time.monotonic()
        deadline_s = self._canary.deadline.total_seconds()
        before: _Sides | None = None
        while True:
            waited_s = time.monotonic() - started
            now = self._look()
            if now is not None and before is None:
                before = now
                self._began = self._began or now
                self._target.shift(self._candidate, share)
            seen = self._seen(share, before, now, waited_s > deadline_s)
            judgement = judge(seen, self._canary)
            if judgement.move is not Move.WAIT:
                return Step(seen, judgement, waited_s)
            self._check_staged(share)
            time.sleep(poll_s)

    def _look(self) -> _Sides | None:
        """Both versions as they stand; None where the target is not to be asked just now."""
        answers = self._log.read()
        try:
            return {
                version: Side(self._target.traffic(version), answers[version])
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
    ) -> Seen:
        if before is None or now is None or self._began is None:
            return Seen(share, Side(), Side(), overdue)
        candidate = _since(now[self._candidate], before[self._candidate])
        champion = _since(now[self._champion], before[self._champion])
        if champion.traffic.requests < self._canary.requests:
            # At a large share little is left to the champion: its earlier steps count too.
            champion = _since(now[self._champion], self._began[self._champion])
        return Seen(share, candidate, champion, overdue)

    def _check_staged(self, share: float) -> None:
        staged = self._target.staged()
        if staged is None or staged.version != self._candidate:
            self._target.shift(self._candidate, share)  # says that it is gone


def _since(now: Side, before: Side) -> Side:
    return Side(now.traffic.since(before.traffic), now.answers.since(before.answers))
