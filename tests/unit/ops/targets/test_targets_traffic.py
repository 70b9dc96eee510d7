"""Traffic and routes: counts, quantiles and who answers, by numbers derived by hand."""

import pytest

from components.core.artifacts import LATENCY_BOUNDS_MS
from components.ops.targets.local.gateway.metrics import GatewayMetrics
from components.ops.targets.local.gateway.proxy import Backend, TrafficRoutes, hash_fraction
from components.ops.targets.protocol import Traffic, bucket_of

EMPTY = (0,) * (len(LATENCY_BOUNDS_MS) + 1)


def traffic_of(*latencies_ms: float, errors: int = 0) -> Traffic:
    counts = list(EMPTY)
    for latency in latencies_ms:
        counts[bucket_of(latency)] += 1
    return Traffic(requests=len(latencies_ms), errors=errors, latency=tuple(counts))


@pytest.mark.parametrize("latency_ms", [0.05, 0.1, 1.0, 7.3, 250.0, 99_000.0])
def test_a_quantile_is_off_by_a_bucket_at_most(latency_ms: float) -> None:
    traffic = traffic_of(*[latency_ms] * 10)
    assert traffic.p50_ms == pytest.approx(latency_ms, rel=0.1, abs=0.1)
    assert traffic.p99_ms == pytest.approx(latency_ms, rel=0.1, abs=0.1)


def test_quantiles_of_two_groups_of_requests() -> None:
    traffic = traffic_of(*[2.0] * 98, *[500.0] * 2)
    assert traffic.p50_ms == pytest.approx(2, rel=0.1)
    assert traffic.p99_ms == pytest.approx(500, rel=0.1)  # the 99th of 100 is one of the slow two


def test_what_takes_longer_than_the_last_bound_is_said_to_take_that_long() -> None:
    assert traffic_of(1e9).p99_ms == LATENCY_BOUNDS_MS[-1]


def test_no_requests_have_no_latency() -> None:
    assert Traffic().p50_ms is None
    assert Traffic().error_share == 0


def test_traffic_since_an_earlier_reading() -> None:
    before, now = traffic_of(2, 2, errors=1), traffic_of(2, 2, 9, 9, 9, errors=2)
    since = now.since(before)
    assert (since.requests, since.errors) == (3, 1)
    assert since.p50_ms == pytest.approx(9, rel=0.1)
    assert now.since(Traffic()) == now


def test_counters_that_restarted_count_completely() -> None:
    assert traffic_of(5).since(traffic_of(2, 2)) == traffic_of(5)
    assert Traffic().since(traffic_of()) == Traffic()


def test_counts_tell_errors_from_refusals() -> None:
    counts = GatewayMetrics()
    for status in (200, 400, 422, 500, 503, None):
        counts.add("v1", status, 0.002)
    with counts.in_flight("v2"):
        reading = counts.read()
    found = reading.versions["v1"]
    assert (found.requests, found.refused, found.errors) == (6, 2, 3)
    assert reading.in_flight == {"v1": 0, "v2": 1}
    assert counts.read().in_flight["v2"] == 0


def test_metrics_are_prometheus_text_with_cumulative_buckets() -> None:
    counts = GatewayMetrics()
    for seconds in (0.0002, 0.004, 0.004, 9.0):
        counts.add("v1", 200, seconds)
    lines = counts.text().decode().splitlines()
    assert 'ratoon_gateway_requests_total{version="v1"} 4.0' in lines
    buckets = [float(line.rpartition(" ")[2]) for line in lines if "_bucket{" in line]
    assert buckets == sorted(buckets)
    assert buckets[0] == 1
    assert buckets[-1] == 4
    assert 'ratoon_gateway_latency_seconds_count{version="v1"} 4.0' in lines


OLD, NEW = Backend("v1", 1), Backend("v2", 2)


@pytest.mark.parametrize(
    ("routes", "version"),
    [
        (TrafficRoutes(), None),
        (TrafficRoutes(OLD), "v1"),
        (TrafficRoutes(OLD, NEW, 0.0), "v1"),
        (TrafficRoutes(OLD, NEW, 1.0), "v2"),
        (TrafficRoutes(None, NEW, 0.0), None),
    ],
)
def test_who_answers(routes: TrafficRoutes, version: str | None) -> None:
    chosen = routes.choose("request-1")
    assert (chosen.version if chosen else None) == version


def test_a_share_is_kept_and_a_request_meets_the_same_version_again() -> None:
    ids = [f"request-{i}" for i in range(10_000)]
    at_tenth = {i for i in ids if TrafficRoutes(OLD, NEW, 0.1).choose(i) == NEW}
    at_half = {i for i in ids if TrafficRoutes(OLD, NEW, 0.5).choose(i) == NEW}
    # The binomial's standard deviation is 30 and 50 requests.
    assert len(at_tenth) == pytest.approx(1000, abs=120)
    assert len(at_half) == pytest.approx(5000, abs=200)
    assert at_tenth < at_half
    assert at_tenth == {i for i in ids if TrafficRoutes(OLD, NEW, 0.1).choose(i) == NEW}


def test_another_candidate_meets_other_requests_first() -> None:
    places = [(hash_fraction(f"r{i}", "v2"), hash_fraction(f"r{i}", "v3")) for i in range(200)]
    first_of_both = [p for p in places if p[0] < 0.5 and p[1] < 0.5]
    assert len(first_of_both) == pytest.approx(50, abs=30)
    assert all(0 <= p < 1 for pair in places for p in pair)
