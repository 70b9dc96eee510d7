"""Canary analysis, by numbers derived by hand."""

import math

import pytest

from components.core.artifacts import LATENCY_BOUNDS_MS
from components.core.spec.operation import Canary
from components.core.verdict import Severity
from components.ops.rollout.canary import (
    CanaryAnalysis,
    Decision,
    PredictionStats,
    VersionStats,
    assess_canary,
)
from components.ops.targets.protocol import Traffic, bucket_of

CANARY = Canary.model_validate(
    {
        "min_requests": 50,
        "max_error_ratio": "2%",
        "max_latency_ratio": 3,
        "max_p99": "1s",
        "max_prediction_shift": 0.1,
    }
)


def traffic_of(
    requests: int, latency_ms: float = 10.0, errors: int = 0, refused: int = 0, slowest: float = 0.0
) -> Traffic:
    counts = [0] * (len(LATENCY_BOUNDS_MS) + 1)
    counts[bucket_of(latency_ms)] = requests - (1 if slowest else 0)
    if slowest:
        counts[bucket_of(slowest)] += 1
    return Traffic(requests=requests, errors=errors, refused=refused, latency=tuple(counts))


def stats(
    requests: int, mean: float = 0.3, rows: int | None = None, **traffic: float
) -> VersionStats:
    rows = requests if rows is None else rows
    return VersionStats(traffic_of(requests, **traffic), PredictionStats(rows, rows * mean))


GOOD = stats(450)


def failed(
    candidate: VersionStats, champion: VersionStats = GOOD, overdue: bool = False
) -> tuple[Decision, list[str]]:
    found = assess_canary(CanaryAnalysis(0.1, candidate, champion, overdue), CANARY)
    return found.decision, [f.code for f in found.findings if f.severity is Severity.FAIL]


@pytest.mark.parametrize(
    ("candidate", "decision", "codes"),
    [
        (stats(50), Decision.ADVANCE, []),
        (stats(50, errors=1), Decision.ADVANCE, []),  # 2% is accepted
        (stats(50, errors=2), Decision.ROLL_BACK, ["errors"]),
        (stats(100, slowest=5000.0), Decision.ADVANCE, []),  # one of a hundred: p99 is still 10 ms
        (stats(90, slowest=5000.0), Decision.ROLL_BACK, ["latency"]),
        (stats(50, latency_ms=25.0), Decision.ADVANCE, []),
        (stats(50, latency_ms=40.0), Decision.ROLL_BACK, ["slower"]),
        (stats(50, mean=0.39), Decision.ADVANCE, []),
        (stats(50, mean=0.41), Decision.ROLL_BACK, ["shift"]),
        (stats(50, mean=0.19), Decision.ROLL_BACK, ["shift"]),
        (stats(50, mean=math.nan), Decision.ROLL_BACK, ["shift"]),
        (stats(50, refused=1), Decision.ADVANCE, []),
        (stats(50, refused=2), Decision.ROLL_BACK, ["refused"]),
    ],
)
def test_with_enough_requests_the_limits_decide(
    candidate: VersionStats, decision: Decision, codes: list[str]
) -> None:
    assert failed(candidate) == (decision, codes)


def test_refusals_are_held_against_the_champions() -> None:
    assert failed(stats(50, refused=10), stats(450, refused=90)) == (Decision.ADVANCE, [])
    assert failed(stats(50, refused=12), stats(450, refused=90)) == (
        Decision.ROLL_BACK,
        ["refused"],
    )


def test_errors_of_the_champion_are_shown_but_excuse_nothing() -> None:
    found = assess_canary(CanaryAnalysis(0.1, stats(50), stats(450, errors=90), False), CANARY)
    assert found.decision is Decision.ADVANCE
    assert [f.code for f in found.findings if f.severity is Severity.WARN] == ["champion_errors"]
    assert failed(stats(50, errors=10), stats(450, errors=90)) == (Decision.ROLL_BACK, ["errors"])


@pytest.mark.parametrize(
    ("candidate", "code"),
    [
        (stats(0), "traffic"),
        (stats(49), "traffic"),
        (stats(19, errors=19), "traffic"),
        (stats(50, rows=49), "log"),
        (stats(50, rows=0), "log"),
    ],
)
def test_too_little_is_waited_for_and_is_rolled_back_at_the_deadline(
    candidate: VersionStats, code: str
) -> None:
    assert failed(candidate) == (Decision.WAIT, [])
    assert failed(candidate, overdue=True) == (Decision.ROLL_BACK, [code])


@pytest.mark.parametrize(
    ("overdue", "decision"), [(False, Decision.WAIT), (True, Decision.ROLL_BACK)]
)
def test_a_champion_whose_answers_are_not_in_the_log_is_waited_for(
    overdue: bool, decision: Decision
) -> None:
    unlogged = VersionStats(stats(50).traffic, PredictionStats())
    found = assess_canary(CanaryAnalysis(0.5, stats(50), unlogged, overdue), CANARY)
    assert found.decision is decision
    assert "shift" not in {finding.code for finding in found.findings}


def test_a_good_step_that_ends_at_the_deadline_is_good() -> None:
    assert failed(stats(50), overdue=True) == (Decision.ADVANCE, [])


@pytest.mark.parametrize(
    ("requests", "errors", "latency_ms", "decision"),
    [
        (20, 20, 10.0, Decision.ROLL_BACK),
        (20, 0, 10.0, Decision.WAIT),
        # Chernoff: exp(-20 KL(0.15 || 0.02)) = 0.0149; with 5 of 20, exp(-20 KL(0.25||0.02)) = 1e-4
        (20, 3, 10.0, Decision.WAIT),
        (20, 5, 10.0, Decision.ROLL_BACK),
        (20, 0, 3000.0, Decision.ROLL_BACK),  # half of the requests take longer than the 99th may
        (19, 0, 3000.0, Decision.WAIT),
    ],
)
def test_a_clearly_failing_candidate_is_rolled_back_early(
    requests: int, errors: int, latency_ms: float, decision: Decision
) -> None:
    assert failed(stats(requests, errors=errors, latency_ms=latency_ms))[0] is decision


def test_the_bound_behind_going_back_early() -> None:
    def bound(n: int, errors: int, limit: float) -> float:
        p = errors / n
        return math.exp(-n * (p * math.log(p / limit) + (1 - p) * math.log((1 - p) / (1 - limit))))

    def tail(n: int, errors: int, limit: float) -> float:
        return sum(
            math.comb(n, k) * limit**k * (1 - limit) ** (n - k) for k in range(errors, n + 1)
        )

    for errors in (3, 5, 9):
        assert tail(20, errors, 0.02) <= bound(20, errors, 0.02)
    assert bound(20, 3, 0.02) > 0.001 > bound(20, 5, 0.02)


def test_no_error_is_accepted_where_the_limit_is_none() -> None:
    strict = CANARY.model_copy(update={"max_error_ratio": 0.0})
    assert (
        assess_canary(CanaryAnalysis(0.1, stats(20, errors=1), GOOD, False), strict).decision
        is Decision.ROLL_BACK
    )
    lenient = CANARY.model_copy(update={"max_error_ratio": 1.0})
    assert (
        assess_canary(CanaryAnalysis(0.1, stats(50, errors=50), GOOD, False), lenient).decision
        is Decision.ADVANCE
    )


def test_without_a_champions_traffic_the_comparisons_are_warnings() -> None:
    found = assess_canary(CanaryAnalysis(1.0, stats(50), VersionStats(), False), CANARY)
    assert found.decision is Decision.ADVANCE
    warned = {f.code for f in found.findings if f.severity is Severity.WARN}
    assert warned == {"slower", "shift"}


def test_means_since_an_earlier_reading() -> None:
    assert PredictionStats(10, 4.0).since(PredictionStats(4, 1.0)) == PredictionStats(6, 3.0)
    assert PredictionStats(6, 3.0).mean == 0.5
    assert PredictionStats().mean is None
