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
    return VersionStats(
        traffic_of(requests, **traffic), PredictionStats(rows, rows * mean, rows * mean**2)
    )


GOOD = stats(450)


def failed(
    candidate: VersionStats, champion: VersionStats = GOOD, overdue: bool = False
) -> tuple[Decision, list[str]]:
    found = assess_canary(CanaryAnalysis(0.1, candidate, champion, overdue), CANARY)
    return found.decision, [f.code for f in found.findings if f.severity is Severity.FAIL]


# Two steps and five checks: back at a likelihood ratio of 1 / (2% / 10) = 500, log 6.215; on at
# sqrt(3%) = 0.1732, log -1.753. Errors: 2% is accepted, 6% is found. One that failed counts
# log(6/2) = 1.099, one that did not log(94/98) = -0.04167. Ten failed of fifty also count for 26%:
# 10 log(13) + 40 log(74/98) = 14.41, of which log 2 goes for having two alternatives.
@pytest.mark.parametrize(
    ("candidate", "decision", "codes"),
    [
        (stats(50), Decision.ADVANCE, []),  # 50 * -0.04167 = -2.08
        (stats(48, rows=50), Decision.WAIT, []),
        (stats(50, errors=1), Decision.WAIT, []),  # 1.099 - 49 * 0.04167 = -0.94
        (stats(80, errors=1), Decision.ADVANCE, []),  # 1.099 - 79 * 0.04167 = -2.19
        (stats(50, errors=2), Decision.WAIT, []),  # 4% of so few says nothing yet
        (stats(50, errors=5), Decision.WAIT, []),  # mean of e^3.62 and e^0.18: log 2.96
        (stats(50, errors=10), Decision.ROLL_BACK, ["errors"]),
        (stats(100, slowest=5000.0), Decision.ADVANCE, []),  # one of a hundred
        (stats(90, slowest=5000.0), Decision.ADVANCE, []),  # log 5 - 89 * 0.0412 = -2.06
        (stats(50, slowest=5000.0), Decision.WAIT, []),  # log 5 - 49 * 0.0412 = -0.41
        (stats(50, latency_ms=2000.0), Decision.ROLL_BACK, ["latency", "slower"]),
        (stats(50, latency_ms=25.0), Decision.ADVANCE, []),
        (stats(50, latency_ms=40.0), Decision.ROLL_BACK, ["slower"]),
        (stats(50, mean=0.39), Decision.ADVANCE, []),
        (stats(50, mean=0.41), Decision.ROLL_BACK, ["shift"]),
        (stats(50, mean=0.19), Decision.ROLL_BACK, ["shift"]),
        (stats(50, mean=math.nan), Decision.ROLL_BACK, ["shift"]),
        (stats(50, refused=1), Decision.WAIT, []),
        (stats(50, refused=2), Decision.WAIT, []),
        (stats(50, refused=12), Decision.ROLL_BACK, ["refused"]),
    ],
)
def test_with_enough_requests_the_tests_decide(
    candidate: VersionStats, decision: Decision, codes: list[str]
) -> None:
    assert failed(candidate) == (decision, codes)


def test_refusals_are_held_against_the_champions() -> None:
    assert failed(stats(50, refused=10), stats(450, refused=90)) == (Decision.WAIT, [])
    assert failed(stats(1000, refused=200), stats(9000, refused=1800)) == (Decision.ADVANCE, [])
    assert failed(stats(50, refused=12), stats(450, refused=90)) == (Decision.WAIT, [])
    assert failed(stats(2000, refused=540), stats(18000, refused=3600)) == (
        Decision.ROLL_BACK,
        ["refused"],
    )


def test_what_was_seen_of_clients_that_err_is_no_proof() -> None:
    """35.3% against 30.8% of refusals in some dozens of requests is chance."""
    assert failed(stats(51, refused=18), stats(52, refused=16)) == (Decision.WAIT, [])


def test_what_is_undecided_at_the_deadline_is_rolled_back_and_named() -> None:
    undecided = stats(50, errors=1, refused=2)
    found = assess_canary(CanaryAnalysis(0.1, undecided, GOOD, True), CANARY)
    assert found.decision is Decision.ROLL_BACK
    assert [f.code for f in found.findings if f.severity is Severity.FAIL] == ["undecided"]
    assert "50 requests" in found.findings[0].sentence
    assert "errors and refused" in found.findings[0].sentence


def test_fewer_than_twenty_requests_decide_nothing_whatever_the_spec_requires() -> None:
    few = CANARY.model_copy(update={"min_requests": 5})
    found = assess_canary(CanaryAnalysis(0.1, stats(19), GOOD, True), few)
    assert found.decision is Decision.ROLL_BACK
    assert found.findings[0].sentence.startswith(
        "Only 19 requests reached the candidate in time; 20"
    )


def test_rows_of_one_request_count_as_one() -> None:
    """50 rows with a deviation of 0.3 differ by 0.25 surely; those of 5 requests do not."""
    rows = PredictionStats(50, 50 * 0.55, 50 * (0.55**2 + 0.3**2))
    assert rows.sample(50).size == 50
    assert rows.sample(50).variance == pytest.approx(0.09)
    assert rows.sample(5).size == 5


def test_without_squares_the_variance_is_the_largest_that_the_mean_allows() -> None:
    assert PredictionStats(10, 3.0).sample(10).variance == pytest.approx(0.3 * 0.7)


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
        # For 26%: 3 log(13) + 17 log(74/98) = 2.92, 5 log(13) + 15 log(74/98) = 8.61; less log 2
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
