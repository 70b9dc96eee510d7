"""Canary analysis: whether a candidate advances, is rolled back, or needs more requests."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from components.core.spec.operation import Canary
from components.core.verdict import Finding, Severity, finding
from components.ops.rollout.sequential_test import (
    ErrorRates,
    SampleMean,
    SequentialResult,
    compare_means,
    compare_to_champion,
    compare_to_limit,
)
from components.ops.targets.protocol import Traffic

_MIN_REQUESTS = 20  # fewer may all belong to one bad moment
_CHECKS = 5
# Of a candidate within `max_p99`, this share of requests may be slower.
_SLOWER_THAN_P99 = 0.01
# Half of a candidate's requests exceed the ratio times the champion's median if it is that much
# slower; of a twin's as many as of the champion's, hardly 0.3. The least excess that is tested.
_HALF, _TWIN, _GAP = 0.5, 0.3, 0.05


class Decision(StrEnum):
    """What to do next."""

    WAIT = "wait"
    ADVANCE = "advance"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class PredictionStats:
    """What a version predicted according to the prediction log."""

    rows: int = 0
    total: float = 0.0
    squares: float | None = field(default=None, compare=False)

    @property
    def mean(self) -> float | None:
        """The mean probability; None without rows."""
        return self.total / self.rows if self.rows else None

    def since(self, before: "PredictionStats") -> "PredictionStats":
        """Returns what was logged after an earlier reading."""
        squares = None if self.squares is None else self.squares - (before.squares or 0.0)
        return PredictionStats(self.rows - before.rows, self.total - before.total, squares)

    def sample(self, requests: int) -> SampleMean:
        """Mean and variance; the rows of one request count as one, since they may be alike."""
        mean = self.total / self.rows
        # Without the squares: no probability with this mean varies more than 0 and 1 do.
        squares = self.total if self.squares is None else self.squares
        return SampleMean(
            min(self.rows, requests or self.rows), mean, squares / self.rows - mean**2
        )


@dataclass(frozen=True)
class VersionStats:
    """What one of the two versions did over the same time."""

    traffic: Traffic = field(default_factory=Traffic)
    predictions: PredictionStats = field(default_factory=PredictionStats)


@dataclass(frozen=True)
class CanaryAnalysis:
    """What a step of the rollout has measured so far.

    Attributes:
        share: The candidate's share of the traffic.
        candidate: The candidate since the step began.
        champion: The champion since the step began, or since the rollout if that is too little.
        overdue: Whether the step's deadline has passed.
    """

    share: float
    candidate: VersionStats
    champion: VersionStats
    overdue: bool

    @property
    def subject(self) -> str:
        """What its findings are about."""
        return f"{self.share:.0%} of the traffic"


@dataclass(frozen=True)
class CanaryAssessment:
    """The decision, and every measurement behind it."""

    decision: Decision
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Check:
    """What a test of one measurement says, and the finding that shows it."""

    outcome: SequentialResult
    finding: Finding


def assess_canary(analysis: CanaryAnalysis, canary: Canary) -> CanaryAssessment:
    """Assesses a step; a candidate never advances for lack of traffic.

    Returns:
        ``roll back`` as soon as a test finds the candidate beyond a limit, or at the deadline if
        anything is undecided; ``wait`` until there are enough requests and logged rows, and every
        test finds it within its limit; then ``advance``.
    """
    requests = analysis.candidate.traffic.requests
    if requests < _MIN_REQUESTS:
        return _wait_or_roll_back(analysis, _few(analysis, canary))
    checks = _compare_traffic(analysis, canary)
    logged = min(analysis.candidate.predictions.rows, requests)
    # The champion's log lags a little behind its answers.
    champion = analysis.champion
    is_unlogged = champion.traffic.requests > 0 and champion.predictions.rows == 0
    if logged >= canary.min_requests and not is_unlogged:
        checks = (*checks, _shift(analysis, canary))
    findings = (*(check.finding for check in checks), _champion_errors(analysis, canary))
    if any(check.outcome is SequentialResult.BEYOND for check in checks):
        return CanaryAssessment(Decision.ROLL_BACK, findings)
    if requests < canary.min_requests:
        return _wait_or_roll_back(analysis, _few(analysis, canary))
    if logged < canary.min_requests or is_unlogged:
        return _wait_or_roll_back(analysis, _few_rows(analysis, canary), findings)
    undecided = [c.finding.code for c in checks if c.outcome is SequentialResult.UNDECIDED]
    if undecided:
        return _wait_or_roll_back(analysis, _undecided(analysis, canary, undecided), findings)
    return CanaryAssessment(Decision.ADVANCE, findings)


def _wait_or_roll_back(
    analysis: CanaryAnalysis, lacking: Finding, findings: tuple[Finding, ...] = ()
) -> CanaryAssessment:
    if not analysis.overdue:
        return CanaryAssessment(Decision.WAIT, findings)
    return CanaryAssessment(Decision.ROLL_BACK, (lacking, *findings))


def _compare_traffic(analysis: CanaryAnalysis, canary: Canary) -> tuple[_Check, ...]:
    return tuple(check(analysis, canary) for check in (_errors, _refused, _latency, _slower))


def _rates(canary: Canary) -> ErrorRates:
    return ErrorRates.of_rollout(len(canary.steps), _CHECKS)


def _errors(analysis: CanaryAnalysis, canary: Canary) -> _Check:
    traffic, limit = analysis.candidate.traffic, canary.max_error_ratio
    sentence = f"{traffic.errors} of the candidate's {traffic.requests} requests failed."
    outcome = compare_to_limit(traffic.errors, traffic.requests, limit, _rates(canary))
    return _check("errors", analysis, outcome, traffic.error_share, limit, sentence)


def _champion_errors(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    """A warning, and no excuse for the candidate."""
    traffic, limit = analysis.champion.traffic, canary.max_error_ratio
    sentence = f"{traffic.errors} of the champion's {traffic.requests} requests failed."
    share = traffic.error_share
    severity = Severity.INFO if share <= limit else Severity.WARN
    return finding("champion_errors", severity, analysis.subject, share, limit, sentence)


def _refused(analysis: CanaryAnalysis, canary: Canary) -> _Check:
    """Clients err with both versions alike: more refusals than the champion's are a defect."""
    ours, theirs = analysis.candidate.traffic, analysis.champion.traffic
    sentence = (
        f"The candidate refused {ours.refused_share:.1%} of its requests as invalid, "
        f"the champion {theirs.refused_share:.1%}."
    )
    limit = theirs.refused_share + canary.max_error_ratio
    if not theirs.requests:
        known = None if ours.refused else limit
        return _check(
            "refused", analysis, SequentialResult.WITHIN, ours.refused_share, known, sentence
        )
    outcome = compare_to_champion(
        (ours.refused, ours.requests),
        (theirs.refused, theirs.requests),
        canary.max_error_ratio,
        _rates(canary),
    )
    return _check("refused", analysis, outcome, ours.refused_share, limit, sentence)


def _latency(analysis: CanaryAnalysis, canary: Canary) -> _Check:
    traffic, limit_ms = analysis.candidate.traffic, canary.max_p99 / timedelta(milliseconds=1)
    slow_ms = traffic.p99_ms or 0.0
    slower, size = traffic.slower_than(limit_ms), sum(traffic.latency)
    sentence = (
        f"99% of the candidate's requests took at most {slow_ms:.0f} ms; "
        f"{slower:.0f} of {size} took longer than is accepted of 1%."
    )
    outcome = compare_to_limit(slower, size, _SLOWER_THAN_P99, _rates(canary))
    return _check("latency", analysis, outcome, slow_ms, limit_ms, sentence)


def _slower(analysis: CanaryAnalysis, canary: Canary) -> _Check:
    traffic, champion = analysis.candidate.traffic, analysis.champion.traffic
    ours, theirs = traffic.p50_ms or 0.0, champion.p50_ms
    if theirs is None:
        sentence = "The champion answered nothing to compare the candidate's latency with."
        return _check("slower", analysis, SequentialResult.WITHIN, ours, None, sentence)
    sentence = f"The candidate's median latency is {ours:.1f} ms, the champion's {theirs:.1f} ms."
    limit_ms = canary.max_latency_ratio * theirs
    # One bucket less: a candidate at the limit is not hidden by how coarsely it was counted.
    slow_ms = limit_ms / champion.resolution
    slower = champion.slower_than(slow_ms), sum(champion.latency)
    usual = slower[0] / slower[1]
    outcome = compare_to_champion(
        (traffic.slower_than(slow_ms), sum(traffic.latency)),
        slower,
        max(_TWIN - usual, 0.0),
        _rates(canary),
        max(_HALF - usual, _GAP),
    )
    return _check("slower", analysis, outcome, ours, limit_ms, sentence)


def _shift(analysis: CanaryAnalysis, canary: Canary) -> _Check:
    candidate, champion = analysis.candidate, analysis.champion
    ours, theirs, limit = (
        candidate.predictions.mean,
        champion.predictions.mean,
        canary.max_prediction_shift,
    )
    if ours is None or theirs is None:
        sentence = "The champion logged nothing to compare the candidate's predictions with."
        return _check("shift", analysis, SequentialResult.WITHIN, ours, None, sentence)
    sentence = f"The candidate's mean probability is {ours:.3f}, the champion's {theirs:.3f}."
    outcome = compare_means(
        candidate.predictions.sample(candidate.traffic.requests),
        champion.predictions.sample(champion.traffic.requests),
        limit,
        _rates(canary),
    )
    return _check("shift", analysis, outcome, abs(ours - theirs), limit, sentence)


def _few(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    n, limit = analysis.candidate.traffic.requests, max(canary.min_requests, _MIN_REQUESTS)
    sentence = f"Only {n} requests reached the candidate in time; {limit} are required."
    return finding("traffic", Severity.FAIL, analysis.subject, n, limit, sentence)


def _few_rows(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    n, theirs = analysis.candidate.predictions.rows, analysis.champion.predictions.rows
    limit = canary.min_requests
    sentence = (
        f"Only {n} of the candidate's rows and {theirs} of the champion's are in the log; "
        f"{limit} of the candidate's are required, and some of the champion's."
    )
    return finding("log", Severity.FAIL, analysis.subject, n, limit, sentence)


def _undecided(analysis: CanaryAnalysis, canary: Canary, codes: list[str]) -> Finding:
    n = analysis.candidate.traffic.requests
    sentence = (
        f"{n} requests in {canary.timeout} could not decide {' and '.join(codes)}: "
        "neither clearly within the limit nor clearly beyond it. Give it more time or traffic."
    )
    return finding("undecided", Severity.FAIL, analysis.subject, n, None, sentence)


def _check(
    code: str,
    analysis: CanaryAnalysis,
    outcome: SequentialResult,
    measured: float | None,
    limit: float | None,
    sentence: str,
) -> _Check:
    """Pairs an outcome with its finding, which is a warning if nothing could be compared."""
    severity = Severity.FAIL if outcome is SequentialResult.BEYOND else Severity.INFO
    severity = Severity.WARN if limit is None else severity
    made = finding(code, severity, analysis.subject, measured, limit, sentence)
    return _Check(outcome, made)
