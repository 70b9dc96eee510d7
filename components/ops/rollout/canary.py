"""The canary: whether a candidate that meets live traffic goes on, goes back, or is waited for."""

import math
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from components.core.spec.operation import Canary
from components.core.verdict import Finding, Severity
from components.ops.targets.protocol import Traffic

# A share of errors is clearly above its limit where chance alone would show as many this rarely.
_CHANCE = 0.001
_FEWEST = 20


class Decision(StrEnum):
    """What to do next."""

    WAIT = "wait"
    ON = "advance"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class PredictionStats:
    """What a version predicted, by the prediction log.

    Attributes:
        rows: Rows logged.
        total: The sum of their probabilities.
    """

    rows: int = 0
    total: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean probability; None without rows."""
        return self.total / self.rows if self.rows else None

    def since(self, before: "PredictionStats") -> "PredictionStats":
        """What was logged after an earlier reading."""
        return PredictionStats(self.rows - before.rows, self.total - before.total)


@dataclass(frozen=True)
class VersionStats:
    """One of the two versions over the same time."""

    traffic: Traffic = field(default_factory=Traffic)
    answers: PredictionStats = field(default_factory=PredictionStats)


@dataclass(frozen=True)
class CanaryAnalysis:
    """What a step has seen so far.

    Attributes:
        share: The candidate's share of the traffic.
        candidate: The candidate since the step began.
        champion: The champion since the step began, or since the rollout did where that is little.
        overdue: Whether the step's deadline has passed.
    """

    share: float
    candidate: VersionStats
    champion: VersionStats
    overdue: bool


@dataclass(frozen=True)
class CanaryAssessment:
    """What is done, and every number that it was decided by."""

    decision: Decision
    findings: tuple[Finding, ...]


def assess_canary(seen: CanaryAnalysis, canary: Canary) -> CanaryAssessment:
    """Judges a step by its numbers; a candidate is never promoted for want of them.

    Args:
        seen: What the step has seen.
        canary: The limits of the spec.

    Returns:
        ``go back`` as soon as the candidate is clearly failing, or too few requests came in time;
        ``wait`` until there are enough requests and logged rows; else by the limits.
    """
    traffic, logged = seen.candidate.traffic, seen.candidate.answers.rows
    if traffic.requests < canary.min_requests:
        failing = _clearly_failing(seen, canary)
        return (
            CanaryAssessment(Decision.ROLL_BACK, failing)
            if failing
            else _unfinished(seen, _few(seen, canary))
        )
    findings = _judge_traffic(seen, canary)
    if any(f.severity is Severity.FAIL for f in findings):
        return CanaryAssessment(Decision.ROLL_BACK, findings)
    if logged < canary.min_requests or _champion_is_unlogged(seen):
        return _unfinished(seen, _few_rows(seen, canary), findings)
    findings = (*findings, _shift(seen, canary))
    failed = any(f.severity is Severity.FAIL for f in findings)
    return CanaryAssessment(Decision.ROLL_BACK if failed else Decision.ON, findings)


def _champion_is_unlogged(seen: CanaryAnalysis) -> bool:
    """Whether the champion answered but nothing of it is in the log yet, which lags a little."""
    return seen.champion.traffic.requests > 0 and seen.champion.answers.rows == 0


def _unfinished(
    seen: CanaryAnalysis, lacking: Finding, findings: tuple[Finding, ...] = ()
) -> CanaryAssessment:
    if not seen.overdue:
        return CanaryAssessment(Decision.WAIT, findings)
    return CanaryAssessment(Decision.ROLL_BACK, (lacking, *findings))


def _judge_traffic(seen: CanaryAnalysis, canary: Canary) -> tuple[Finding, ...]:
    return (
        _errors(seen, canary),
        _champion_errors(seen, canary),
        _refused(seen, canary),
        _latency(seen, canary),
        _slower(seen, canary),
    )


def _clearly_failing(seen: CanaryAnalysis, canary: Canary) -> tuple[Finding, ...]:
    """What is so bad after a few requests that more cannot be expected to mend it."""
    if seen.candidate.traffic.requests < _FEWEST:
        return ()
    findings = [_latency(seen, canary, share=0.5)]
    if _is_beyond_chance(seen.candidate.traffic, canary.max_error_ratio):
        findings.insert(0, _errors(seen, canary))
    return tuple(f for f in findings if f.severity is Severity.FAIL)


def _is_beyond_chance(traffic: Traffic, limit: float) -> bool:
    """Whether so many errors are too rare at the accepted share, by Chernoff's bound."""
    share = traffic.error_share
    if share <= limit:
        return False
    if share == 1 or limit == 0:
        return True
    divergence = share * math.log(share / limit)
    divergence += (1 - share) * math.log((1 - share) / (1 - limit))
    return math.exp(-traffic.requests * divergence) < _CHANCE


def _errors(seen: CanaryAnalysis, canary: Canary) -> Finding:
    traffic = seen.candidate.traffic
    return _finding(
        "errors", seen, traffic.error_share, canary.max_error_ratio,
        f"{traffic.errors} of the candidate's {traffic.requests} requests failed.",
    )  # fmt: skip


def _champion_errors(seen: CanaryAnalysis, canary: Canary) -> Finding:
    """Worth a look, but no excuse for the candidate."""
    traffic = seen.champion.traffic
    return _finding(
        "champion_errors", seen, traffic.error_share, canary.max_error_ratio,
        f"{traffic.errors} of the champion's {traffic.requests} requests failed.", Severity.WARN,
    )  # fmt: skip


def _refused(seen: CanaryAnalysis, canary: Canary) -> Finding:
    """Clients err with both alike, so more refusals than the champion's are the candidate's own."""
    ours, theirs = seen.candidate.traffic, seen.champion.traffic
    sentence = (
        f"The candidate refused {ours.refused_share:.1%} of its requests as wrong input, "
        f"the champion {theirs.refused_share:.1%}."
    )
    worse = Severity.FAIL if theirs.requests else Severity.WARN
    limit = theirs.refused_share + canary.max_error_ratio
    return _finding("refused", seen, ours.refused_share, limit, sentence, worse)


def _latency(seen: CanaryAnalysis, canary: Canary, share: float = 0.99) -> Finding:
    limit_ms = canary.max_p99 / timedelta(milliseconds=1)
    slow_ms = seen.candidate.traffic.quantile_ms(share) or 0.0
    sentence = f"{share:.0%} of the candidate's requests took at most {slow_ms:.0f} ms."
    return _finding("latency", seen, slow_ms, limit_ms, sentence)


def _slower(seen: CanaryAnalysis, canary: Canary) -> Finding:
    ours, theirs = seen.candidate.traffic.p50_ms or 0.0, seen.champion.traffic.p50_ms
    if theirs is None:
        sentence = "The champion answered nothing that the candidate's latency could be held to."
        return _finding("slower", seen, ours, None, sentence)
    sentence = f"The candidate's median latency is {ours:.1f} ms, the champion's {theirs:.1f} ms."
    return _finding("slower", seen, ours, canary.max_latency_ratio * theirs, sentence)


def _shift(seen: CanaryAnalysis, canary: Canary) -> Finding:
    ours, theirs = seen.candidate.answers.mean, seen.champion.answers.mean
    if ours is None or theirs is None:
        sentence = "The champion logged nothing that the candidate's answers could be held to."
        return _finding("shift", seen, ours, None, sentence)
    sentence = f"The candidate's mean probability is {ours:.3f}, the champion's {theirs:.3f}."
    return _finding("shift", seen, abs(ours - theirs), canary.max_prediction_shift, sentence)


def _few(seen: CanaryAnalysis, canary: Canary) -> Finding:
    n = seen.candidate.traffic.requests
    sentence = f"Only {n} requests reached the candidate in time; {canary.min_requests} are wanted."
    return _lack("traffic", seen, n, canary.min_requests, sentence)


def _few_rows(seen: CanaryAnalysis, canary: Canary) -> Finding:
    n, theirs = seen.candidate.answers.rows, seen.champion.answers.rows
    sentence = (
        f"Only {n} of the candidate's rows and {theirs} of the champion's are in the log; "
        f"{canary.min_requests} of the candidate's are wanted, and some of the champion's."
    )
    return _lack("log", seen, n, canary.min_requests, sentence)


def _lack(code: str, seen: CanaryAnalysis, measured: int, limit: int, sentence: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.FAIL,
        subject=_subject(seen),
        measured=measured,
        limit=limit,
        sentence=sentence,
    )


def _finding(
    code: str,
    seen: CanaryAnalysis,
    measured: float | None,
    limit: float | None,
    sentence: str,
    worse: Severity = Severity.FAIL,
) -> Finding:
    """A finding that is `worse` unless within its limit, and a warning where there is none."""
    if limit is None or measured is None:
        severity = Severity.WARN
    else:
        severity = Severity.INFO if measured <= limit else worse  # NaN is within nothing
    return Finding(
        code=code,
        severity=severity,
        subject=_subject(seen),
        measured=measured,
        limit=limit,
        sentence=sentence,
    )


def _subject(seen: CanaryAnalysis) -> str:
    return f"{seen.share:.0%} of the traffic"
