"""The promises of docs/decisions.md for canaries, on seeded rollouts: the fast form."""

import pytest

from components.core.spec.operation import Canary
from tests.bench.canary_rollouts import Scenario, Version, share_back, simulate

FEW = 60
# Of 60 seeded runs, 5 false alarms at 2% and 8 misses at 5% are chance in one of 100 or more.
MAX_BACK, MIN_FOUND = 5 / FEW, 1 - 8 / FEW


@pytest.mark.parametrize(
    ("errors", "refused"), [(0.0, 0.0), (0.005, 0.0), (0.01, 0.0), (0.0, 0.05), (0.005, 0.35)]
)
def test_a_twin_is_promoted(errors: float, refused: float) -> None:
    twin = Version(errors, refused)
    assert share_back(simulate(Scenario("twin", twin, twin), FEW)) <= MAX_BACK


@pytest.mark.parametrize(
    ("champion", "candidate"),
    [
        (Version(), Version(errors=0.05)),
        (Version(errors=0.01), Version(errors=0.06)),
        (Version(), Version(refused=0.05)),
        (Version(refused=0.1), Version(refused=0.15)),
        (Version(), Version(slowdown=3.0)),
        (Version(), Version(offset=0.2)),
    ],
)
def test_a_defect_is_rolled_back(champion: Version, candidate: Version) -> None:
    assert share_back(simulate(Scenario("defect", champion, candidate), FEW)) >= MIN_FOUND


@pytest.mark.parametrize("spread", [0.05, 0.5, 1.5])
def test_latency_counted_in_the_buckets_of_a_server_is_enough(spread: float) -> None:
    plain, slow = Version(), Version(slowdown=3.0)
    twins = simulate(Scenario("twin", plain, plain, spread, is_coarse=True), FEW)
    assert share_back(twins) <= MAX_BACK
    slower = simulate(Scenario("slow", plain, slow, spread, is_coarse=True), FEW)
    assert share_back(slower) >= MIN_FOUND


def test_a_clean_twin_needs_no_more_than_the_least_number_of_requests() -> None:
    plain = Version()
    ended = simulate(Scenario("twin", plain, plain), FEW)
    assert {one.requests for one in ended} == {2 * Canary().min_requests}


def test_what_is_undecided_when_traffic_ends_goes_back() -> None:
    twin = Version(refused=0.35)
    ended = simulate(Scenario("twin", twin, twin), FEW, enough=50)
    assert all(one.is_undecided for one in ended if one.is_back)
    assert share_back(ended) > 0.5
