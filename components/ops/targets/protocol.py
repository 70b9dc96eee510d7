"""What a target is: a place that models of one name are deployed to.

A rollout in four words: `stage` brings a candidate up beside the champion without traffic,
`shift` gives it a share, and `promote` or `roll_back` ends it. The target itself remembers the
rollout, so each call may be repeated after an interruption and finds what it made before.
"""

from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from components.core.artifacts import LATENCY_BOUNDS_MS, SERVER_LATENCY_BOUNDS_MS, Record
from components.core.errors import ApiRejected
from components.core.plan import Champion
from components.core.spans import Instant
from components.core.spec.operation import Serving

_SERVER_BOUNDS = frozenset(SERVER_LATENCY_BOUNDS_MS)
OutcomeDecision = Literal["promoted", "reinstated", "rolled_back"]


class ChampionChanged(ApiRejected):
    """Another champion serves than the one that the plan was made for; nothing was changed."""

    def __init__(self, planned: Champion | None, serving: Champion | None) -> None:
        self.planned, self.serving = planned, serving
        super().__init__(
            f"the plan was made when {name_of(planned)} served, and now {name_of(serving)} serves"
        )


class CandidateGone(ApiRejected):
    """The candidate is not staged any more: rolled back, or replaced by a newer one."""


class DeployedVersion(Record):
    """A version of a model that `run` deploys; the digest leaves out ``published.json``."""

    version: str
    digest: str
    run: str
    as_of: Instant


class Candidate(DeployedVersion):
    """A version of the named model that is to be deployed, and how it is to serve."""

    model: str
    serving: Serving


class Staged(Champion):
    """A candidate that has a server, and its share of the traffic: the rollout under way."""

    share: float

    def as_champion(self) -> Champion:
        """Returns the champion that it becomes once promoted."""
        return Champion(**self.model_dump(exclude={"share"}))


class Outcome(Record):
    """How the rollout of a version ended; the target remembers the last few.

    An earlier champion that was promoted again is reinstated.
    """

    version: str
    decision: OutcomeDecision
    reason: str


class Endpoint(Record):
    """Where one version answers directly: a base URL, and headers that each request must carry."""

    url: str
    headers: Mapping[str, str] = {}


class Traffic(Record):
    """What a version has answered since its counters started.

    Attributes:
        requests: Predictions asked of it.
        errors: Those that failed: no connection, a timeout, or a status of 500 and up.
        refused: Those answered with a status of 400 to 499.
        latency: Requests by latency: one count for each of `LATENCY_BOUNDS_MS`, one for all above.
    """

    requests: int = 0
    errors: int = 0
    refused: int = 0
    latency: tuple[int, ...] = ()

    @property
    def p50_ms(self) -> float | None:
        """Median latency in ms; None without requests."""
        return self.quantile_ms(0.5)

    @property
    def p99_ms(self) -> float | None:
        """The latency in ms that 99% of the requests stay below; None without requests."""
        return self.quantile_ms(0.99)

    @property
    def error_share(self) -> float:
        """Errors per request; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def refused_share(self) -> float:
        """Refused requests per request; 0 without requests."""
        return self.refused / self.requests if self.requests else 0.0

    def since(self, before: "Traffic") -> "Traffic":
        """Returns what came after an earlier reading; all of it if the counters restarted."""
        if len(before.latency) != len(self.latency) or before.requests > self.requests:
            return self
        pairs = zip(self.latency, before.latency, strict=True)
        return Traffic(
            requests=self.requests - before.requests,
            errors=self.errors - before.errors,
            refused=self.refused - before.refused,
            latency=tuple(now - then for now, then in pairs),
        )

    def quantile_ms(self, share: float) -> float | None:
        """A latency quantile in ms, interpolated within its bucket; None without requests."""
        total, seen = sum(self.latency), 0
        for place, count in enumerate(self.latency):
            if count and seen + count >= share * total:
                upper = LATENCY_BOUNDS_MS[min(place, len(LATENCY_BOUNDS_MS) - 1)]
                lower = min(upper, LATENCY_BOUNDS_MS[place - 1]) if place else 0.0
                return lower + (upper - lower) * (share * total - seen) / count
            seen += count
        return None

    @property
    def resolution(self) -> float:
        """The ratio of neighbouring bounds that latencies were counted at."""
        used = {LATENCY_BOUNDS_MS[p] for p, n in enumerate(self.latency[:-1]) if n}
        bounds = SERVER_LATENCY_BOUNDS_MS if used <= _SERVER_BOUNDS else LATENCY_BOUNDS_MS
        return bounds[-1] / bounds[-2]

    def slower_than(self, limit_ms: float) -> float:
        """Requests above a latency, interpolated within its bucket."""
        place = bucket_of(limit_ms)
        if place >= len(LATENCY_BOUNDS_MS):
            return 0.0
        lower, upper = LATENCY_BOUNDS_MS[place - 1] if place else 0.0, LATENCY_BOUNDS_MS[place]
        inside = sum(self.latency[place : place + 1]) * (upper - limit_ms) / (upper - lower)
        return sum(self.latency[place + 1 :]) + inside


class Target(Protocol):
    """A place that models of one name are deployed to."""

    @property
    def address(self) -> str | None:
        """The URL that clients use, the same through every switch; None before there is one."""

    @property
    def requires_approval(self) -> bool:
        """Whether a person must approve every promotion here, whatever the spec says."""

    def champion(self) -> Champion | None:
        """Returns what serves now; None if nothing does."""

    def staged(self) -> Staged | None:
        """Returns the rollout under way, if there is one."""

    def outcome(self, version: str) -> Outcome | None:
        """Returns how the last rollout of this version ended; None if it is not remembered."""

    def previous_champions(self) -> tuple[Champion, ...]:
        """Returns the earlier champions that are kept, newest first."""

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes a model folder and starts its server at share 0.

        The same candidate again is found, not staged twice; another staged one is replaced. A
        candidate that serves already, because its rollout ended before, is returned at share 1.

        Raises:
            ChampionChanged: Another champion serves than expected.
        """

    def stage_previous(self, version: str, expected: Champion | None) -> Staged:
        """Stages an earlier champion from its kept folder, configured as it was.

        The same one again is found, not staged twice; another staged one is replaced.

        Raises:
            InputError: It is not kept, or its folder is gone or has other bytes.
            ChampionChanged: Another champion serves than expected.
        """

    def wait_ready(self, version: str, timeout_s: float) -> Endpoint:
        """Waits until the staged version is ready to answer.

        Raises:
            DeadlineExceeded: It did not become ready, or ended; the message holds the last log
                lines or events.
            CandidateGone: It is not staged.
        """

    def shift(self, version: str, share: float) -> None:
        """Gives the staged version a share of the traffic; CandidateGone if it is not staged."""

    def no_canary_reason(self) -> str | None:
        """Returns why traffic cannot be shared between two versions here; None if it can."""

    def propose(self, version: str) -> str:
        """Leaves the decision to a person, without traffic meanwhile; returns what to do.

        Raises:
            CandidateGone: It is not staged.
        """

    def traffic(self, version: str) -> Traffic:
        """Returns what a version has answered so far; ApiUnavailable if it cannot be asked now."""

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Makes the staged version the champion, and ends the old one once it is drained.

        Raises:
            ChampionChanged: Another champion serves than expected.
            CandidateGone: It is not staged.
        """

    def roll_back(self, version: str, reason: str) -> None:
        """Takes all traffic from the staged version and removes it; no error if it is gone."""


def name_of(champion: Champion | None) -> str:
    """Names a champion in a sentence."""
    return f"version {champion.version}" if champion else "no model"


def is_same(one: Champion | None, other: Champion | None) -> bool:
    """Whether two readings name the same champion: its version and its bytes."""
    if one is None or other is None:
        return one is other
    return (one.version, one.digest) == (other.version, other.digest)


def bucket_of(latency_ms: float) -> int:
    """The index in `Traffic.latency` at which a request of this latency is counted."""
    return bisect_left(LATENCY_BOUNDS_MS, latency_ms)
