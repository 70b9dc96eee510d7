"""Sequential tests of one version against a limit or another version; pure numbers.

Each looks at all counts so far and may be repeated after every request. ``docs/decisions.md``
derives them and says what they promise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# A whole rollout takes a twin back at most this often, and promotes a defect at most this often:
# 5% is promised, of which 2% are left for what is approximate in the tests.
FALSE_ALARM, MISS = 0.02, 0.03
# The share, or excess, that is found so surely; at least four points beyond the accepted.
_DETECTED, _MIN_GAP = 0.05, 0.04
# A second alternative that lets a gross defect be found after few requests.
_GROSS = 0.2
Counted = tuple[float, float]  # hits, of how many


class SequentialResult(StrEnum):
    """What the counts show so far."""

    WITHIN = "within"
    BEYOND = "beyond"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class ErrorRates:
    """The error rates of one check in one step.

    Attributes:
        false_alarm: How often a version within the limit is found beyond it, over all looks.
        miss: How often a version at the alternative is found within the limit, over all looks.
    """

    false_alarm: float
    miss: float

    @classmethod
    def of_rollout(cls, steps: int, checks: int) -> "ErrorRates":
        """Splits what the rollout may err: a defect must be missed in every step to pass."""
        return cls(FALSE_ALARM / (max(steps, 1) * checks), MISS ** (1 / max(steps, 1)))


@dataclass(frozen=True)
class SampleMean:
    """Mean and variance of `size` independent values."""

    size: float
    mean: float
    variance: float


def detected_share(accepted: float) -> float:
    """The share (or excess) that is found as surely as promised, where `accepted` is none."""
    return min(1.0, max(_DETECTED, accepted + _MIN_GAP))


def compare_to_limit(
    hits: float, size: float, accepted: float, rates: ErrorRates, detected: float | None = None
) -> SequentialResult:
    """Tests the share of hits: `accepted` against `detected` (Wald 1945, by Ville's inequality)."""
    if accepted >= 1:
        return SequentialResult.WITHIN
    alternative = detected_share(accepted) if detected is None else detected

    def log_likelihood(share: float) -> float:
        return _binomial(hits, size, share)

    return _decide(log_likelihood, accepted, alternative, rates)


def compare_to_champion(
    ours: Counted,
    theirs: Counted,
    margin: float,
    rates: ErrorRates,
    detected: float | None = None,
) -> SequentialResult:
    """Tests the excess of our share of hits over theirs: `margin` against `detected`.

    The common share is unknown: the most likely one under each excess stands in (Cox 1963).
    """
    if margin >= 1:
        return SequentialResult.WITHIN
    alternative = detected_share(margin) if detected is None else detected

    def log_likelihood(excess: float) -> float:
        return _most_likely(ours, theirs, excess)

    return _decide(log_likelihood, margin, alternative, rates)


def compare_means(
    ours: SampleMean, theirs: SampleMean, margin: float, rates: ErrorRates
) -> SequentialResult:
    """Tests the difference of two means: `margin` against twice the margin, on either side.

    By confidence sequences: the normal mixture of Robbins (1970), asymptotic for any distribution
    (Waudby-Smith et al. 2024).
    """
    variance = ours.variance / ours.size + theirs.variance / theirs.size
    gap = abs(ours.mean - theirs.mean)
    if not gap - _half_width(variance, margin, rates.false_alarm) <= margin:  # NaN is beyond
        return SequentialResult.BEYOND
    certain = gap + _half_width(variance, margin, rates.miss) < 2 * margin
    return SequentialResult.WITHIN if certain and gap <= margin else SequentialResult.UNDECIDED


def _half_width(variance: float, scale: float, error: float) -> float:
    """Half the width of the confidence sequence, narrowest where the deviation is `scale`."""
    if variance <= 0:
        return 0.0
    information = scale**2 / variance
    spread = (1 + 1 / information) * (math.log1p(information) - 2 * math.log(error))
    return math.sqrt(variance * spread)


def _decide(
    log_likelihood: Callable[[float], float], null: float, alternative: float, rates: ErrorRates
) -> SequentialResult:
    at_null = log_likelihood(null)
    if at_null == -math.inf:
        return SequentialResult.BEYOND
    ratio = log_likelihood(alternative) - at_null
    if ratio <= 0:  # both are concave, so that what lies further is less likely still
        return (
            SequentialResult.WITHIN if ratio <= math.log(rates.miss) else SequentialResult.UNDECIDED
        )
    gross = log_likelihood(min(1.0, alternative + _GROSS)) - at_null
    if _log_mean(ratio, gross) >= -math.log(rates.false_alarm):
        return SequentialResult.BEYOND
    return SequentialResult.UNDECIDED


def _log_mean(one: float, other: float) -> float:
    """The logarithm of the mean of two numbers, from their logarithms."""
    high, low = max(one, other), min(one, other)
    return high + math.log((1 + math.exp(low - high)) / 2)


def _binomial(hits: float, size: float, share: float) -> float:
    """The log-likelihood of a share, without the part that does not depend on it."""
    return _times_log(hits, share) + _times_log(size - hits, 1 - share)


def _times_log(count: float, share: float) -> float:
    if count <= 0:
        return 0.0
    return count * math.log(share) if share > 0 else -math.inf


def _most_likely(ours: Counted, theirs: Counted, excess: float) -> float:
    """The log-likelihood of an excess at the most likely share of theirs.

    That share solves a cubic equation (Miettinen & Nurminen 1985, Farrington & Manning 1990).
    """
    (hits, size), (their_hits, their_size) = ours, theirs
    weight, share, their_share = their_size / size, hits / size, their_hits / their_size
    a = 1 + weight
    b = -(a + share + weight * their_share + excess * (weight + 2)) / (3 * a)
    c = excess * (excess + 2 * share + a) + share + weight * their_share
    v = b**3 - b * c / (2 * a) - share * excess * (1 + excess) / (2 * a)
    u = math.copysign(math.sqrt(max(b**2 - c / (3 * a), 0.0)), v)
    turn = math.acos(max(-1.0, min(1.0, v / u**3))) if u else 0.0
    likeliest = 2 * u * math.cos((math.pi + turn) / 3) - b
    likeliest = max(excess, min(1.0, likeliest))
    return _binomial(hits, size, likeliest) + _binomial(
        their_hits, their_size, max(0.0, likeliest - excess)
    )
