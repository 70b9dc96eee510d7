"""What the servers of a version have counted, over pods that come, go and begin anew."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from components.core.artifacts import LATENCY_BOUNDS_MS, SERVER_LATENCY_BOUNDS_MS
from components.core.errors import ApiUnavailable
from components.ops.targets.kserve.pods import Pod, TrafficCounters, parse_metrics
from tests.unit.ops.targets.kserve_factories import toy
from tests.unit.ops.targets.kserve_pods import Server, Servers


@dataclass
class Made:
    servers: Servers

    def pod(self, version: str = "v1", restarts: int = 0) -> tuple[Pod, Server]:
        address, server = self.servers.start()
        url = f"http://{address}:{self.servers.port}"
        ready = Pod(address, address, version, "", url, True, restarts, "", {})
        return ready, server


@pytest.fixture
def made() -> Iterator[Made]:
    servers = Servers()
    try:
        yield Made(servers)
    finally:
        servers.close()


def test_the_bounds_of_a_server_are_ours() -> None:
    assert set(SERVER_LATENCY_BOUNDS_MS) <= set(LATENCY_BOUNDS_MS)
    assert len(SERVER_LATENCY_BOUNDS_MS) == 49


def test_counts_of_one_server() -> None:
    server = Server()
    server.count(97, seconds=0.004)
    server.count(2, status=422, seconds=0.004)
    server.count(1, status=500, seconds=500)
    traffic = parse_metrics(server.metrics())
    assert (traffic.requests, traffic.errors, traffic.refused) == (100, 1, 2)
    assert len(traffic.latency) == len(LATENCY_BOUNDS_MS) + 1
    # 4 ms is in the bucket that ends at 0.1 * 1.1**39 = 4.114 ms.
    assert traffic.latency[39] == 99
    assert traffic.latency[-1] == 1
    assert traffic.p50_ms == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("text", ["", "# TYPE x counter\nx_total 1\n", "<html>", "x{ 1"])
def test_what_is_not_of_our_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_metrics(text)


def test_servers_of_a_version_are_added_and_none_is_forgotten(made: Made) -> None:
    (one, first), (two, second) = made.pod(), made.pod()
    other, foreign = made.pod("v2")
    first.count(10)
    second.count(5, status=503)
    foreign.count(100)
    counters = TrafficCounters()
    traffic = counters.read([one, two, other], "v1")
    assert (traffic.requests, traffic.errors) == (15, 5)
    assert sum(traffic.latency) == 15
    assert counters.read([one], "v1") == traffic  # a pod that went keeps what it had counted
    first.count(1)
    assert counters.read([one], "v1").since(traffic).requests == 1


def test_a_container_that_was_started_again_is_an_error_and_loses_nothing(made: Made) -> None:
    pod, server = made.pod()
    server.count(10)
    counters = TrafficCounters()
    before = counters.read([pod], "v1")
    server.statuses.clear()
    server.seconds.clear()
    server.count(3)
    after = counters.read([replace(pod, restarts=1)], "v1")
    assert (after.requests, after.errors) == (14, 1)
    since = after.since(before)
    assert (since.requests, since.errors, sum(since.latency)) == (4, 1, 3)


def test_a_server_that_gets_requests_must_report_its_metrics(made: Made) -> None:
    pod, server = made.pod()
    counters = TrafficCounters()
    server.count(4)
    counters.read([pod], "v1")
    server.is_mute = True
    with pytest.raises(ApiUnavailable, match="reports no metrics"):
        counters.read([pod], "v1")
    gone = replace(pod, is_ready=False, url="http://127.0.0.1:1")
    assert counters.read([gone], "v1").requests == 4
    with pytest.raises(ApiUnavailable):
        counters.read([replace(pod, url="http://127.0.0.1:1")], "v1")


def test_nothing_counted_yet(made: Made) -> None:
    pod, _ = made.pod()
    traffic = TrafficCounters().read([replace(pod, url=None, is_ready=False)], "v1")
    assert traffic.requests == 0
    assert traffic.p50_ms is None


def test_a_target_reads_the_pods_of_each_version(tmp_path: Path) -> None:
    with toy(tmp_path, "knative") as kserve:
        kserve.promote("v1", min_replicas=2)
        kserve.stage("v2")
        target = kserve.target
        target.wait_ready("v2", 5)
        for number, pod in enumerate(kserve.world.pods_of("v1"), 1):
            pod.server.count(number)
        (pod,) = kserve.world.pods_of("v2")
        pod.server.count(7, status=500)
        assert target.traffic("v1").requests == 3
        assert target.traffic("v2").errors == 7
