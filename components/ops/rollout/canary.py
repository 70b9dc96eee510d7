"""Canary analysis: whether a candidate advances, is rolled back, or needs more requests."""

import math
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from components.core.spec.operation import Canary
from components.core.verdict import Finding, Severity, finding
from components.ops.targets.protocol import Traffic

# An error ratio is clearly above its limit if chance alone would show it this rarely.
_MAX_CHANCE = 0.001
_MIN_REQUESTS = 20


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

    @property
    def mean(self) -> float | None:
        """The mean probability; None without rows."""
        return self.total / self.rows if self.rows else None

    def since(self, before: "PredictionStats") -> "PredictionStats":
        """Returns what was logged after an earlier reading."""
        return PredictionStats(self.rows - before.rows, self.total - before.total)


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


def assess_canary(analysis: CanaryAnalysis, canary: Canary) -> CanaryAssessment:
    """Assesses a step; a candidate never advances for lack of traffic.

    Returns:
        ``roll back`` as soon as the candidate is clearly failing, or at the deadline without enough
        requests; ``wait`` until there are enough requests and logged rows; else by the limits.
    """
    traffic, logged = analysis.candidate.traffic, analysis.candidate.predictions.rows
    champion = analysis.champion
    if traffic.requests < canary.min_requests:
        failing = _clearly_failing(analysis, canary)
        if failing:
            return CanaryAssessment(Decision.ROLL_BACK, failing)
        return _wait_or_roll_back(analysis, _few(analysis, canary))
    findings = _compare_traffic(analysis, canary)
    if any(f.severity is Severity.FAIL for f in findings):
        return CanaryAssessment(Decision.ROLL_BACK, findings)
    # The champion's log lags a little behind its answers.
    is_unlogged = champion.traffic.requests > 0 and champion.predictions.rows == 0
    if logged < canary.min_requests or is_unlogged:
        return _wait_or_roll_back(analysis, _few_rows(analysis, canary), findings)
    findings = (*findings, _shift(analysis, canary))
    failed = any(f.severity is Severity.FAIL for f in findings)
    return CanaryAssessment(Decision.ROLL_BACK if failed else Decision.ADVANCE, findings)


def _wait_or_roll_back(
    analysis: CanaryAnalysis, lacking: Finding, findings: tuple[Finding, ...] = ()
) -> CanaryAssessment:
    if not analysis.overdue:
        return CanaryAssessment(Decision.WAIT, findings)
    return CanaryAssessment(Decision.ROLL_BACK, (lacking, *findings))


def _compare_traffic(analysis: CanaryAnalysis, canary: Canary) -> tuple[Finding, ...]:
    checks = (_errors, _champion_errors, _refused, _latency, _slower)
    return tuple(check(analysis, canary) for check in checks)


def _clearly_failing(analysis: CanaryAnalysis, canary: Canary) -> tuple[Finding, ...]:
    """Findings so bad after a few requests that more would not change them."""
    if analysis.candidate.traffic.requests < _MIN_REQUESTS:
        return ()
    findings = [_latency(analysis, canary, share=0.5)]
    if _is_beyond_chance(analysis.candidate.traffic, canary.max_error_ratio):
        findings.insert(0, _errors(analysis, canary))
    return tuple(f for f in findings if f.severity is Severity.FAIL)


def _is_beyond_chance(traffic: Traffic, limit: float) -> bool:
    """Whether so many errors are too unlikely at the accepted ratio, by Chernoff's bound."""
    share = traffic.error_share
    if share <= limit:
        return False
    if share == 1 or limit == 0:
        return True
    divergence = share * math.log(share / limit)
    divergence += (1 - share) * math.log((1 - share) / (1 - limit))
    return math.exp(-traffic.requests * divergence) < _MAX_CHANCE


def _errors(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    traffic, limit = analysis.candidate.traffic, canary.max_error_ratio
    sentence = f"{traffic.errors} of the candidate's {traffic.requests} requests failed."
    return _finding("errors", analysis, traffic.error_share, limit, sentence)


def _champion_errors(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    """A warning, and no excuse for the candidate."""
    traffic, limit = analysis.champion.traffic, canary.max_error_ratio
    sentence = f"{traffic.errors} of the champion's {traffic.requests} requests failed."
    share = traffic.error_share
    return _finding("champion_errors", analysis, share, limit, sentence, Severity.WARN)


def _refused(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    """Clients err with both versions alike: more refusals than the champion's are a defect."""
    ours, theirs = analysis.candidate.traffic, analysis.champion.traffic
    sentence = (
        f"The candidate refused {ours.refused_share:.1%} of its requests as invalid, "
        f"the champion {theirs.refused_share:.1%}."
    )
    worse = Severity.FAIL if theirs.requests else Severity.WARN
    limit = theirs.refused_share + canary.max_error_ratio
    return _finding("refused", analysis, ours.refused_share, limit, sentence, worse)


def _latency(analysis: CanaryAnalysis, canary: Canary, share: float = 0.99) -> Finding:
    limit_ms = canary.max_p99 / timedelta(milliseconds=1)
    slow_ms = analysis.candidate.traffic.quantile_ms(share) or 0.0
    sentence = f"{share:.0%} of the candidate's requests took at most {slow_ms:.0f} ms."
    return _finding("latency", analysis, slow_ms, limit_ms, sentence)


def _slower(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    ours, theirs = analysis.candidate.traffic.p50_ms or 0.0, analysis.champion.traffic.p50_ms
    if theirs is None:
        sentence = "The champion answered nothing to compare the candidate's latency with."
        return _finding("slower", analysis, ours, None, sentence)
    sentence = f"The candidate's median latency is {ours:.1f} ms, the champion's {theirs:.1f} ms."
    return _finding("slower", analysis, ours, canary.max_latency_ratio * theirs, sentence)


def _shift(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    ours, theirs = analysis.candidate.predictions.mean, analysis.champion.predictions.mean
    if ours is None or theirs is None:
        sentence = "The champion logged nothing to compare the candidate's predictions with."
        return _finding("shift", analysis, ours, None, sentence)
    sentence = f"The candidate's mean probability is {ours:.3f}, the champion's {theirs:.3f}."
    return _finding("shift", analysis, abs(ours - theirs), canary.max_prediction_shift, sentence)


def _few(analysis: CanaryAnalysis, canary: Canary) -> Finding:
    n, limit = analysis.candidate.traffic.requests, canary.min_requests
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


def _finding(
    code: str,
    analysis: CanaryAnalysis,
    measured: float | None,
    limit: float | None,
    sentence: str,
    worse: Severity = Severity.FAIL,
) -> Finding:
    """Makes a finding that is `worse` beyond its limit, and a warning without one."""
    severity = Severity.WARN
    if limit is not None and measured is not None:
        severity = Severity.INFO if measured <= limit else worse  # NaN is within no limit
    return finding(code, severity, analysis.subject, measured, limit, sentence)
