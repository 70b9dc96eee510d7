"""The client goes on where an API server is away, slow or busy; and ends in time."""

import contextlib
import socket
import threading

import pytest

from components.core.errors import ApiUnavailable
from components.ops.cluster.connection import connect
from components.ops.cluster.protocol import CONFIG_MAP, AlreadyExists, Conflict
from tests.fakes.api_faults import Fault
from tests.fakes.api_server import ADMIN, ApiServer, running
from tests.fakes.certificate import make_certificate
from tests.fakes.kubeconfig import write_kubeconfig
from tests.faults.api_fixtures import NS, QUICK, answered, config_map, connect_to, took

# Away


def test_away_for_a_while_is_waited_for(server, cluster):
    server.faults.away(for_s=1.0)
    with took(0.9):
        cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
    codes = answered(server, "patch")
    assert codes[-1] == 201
    assert set(codes[:-1]) == {503}
    assert 4 <= len(codes) <= 25, "pauses grow to 0.2 s"


def test_away_for_too_long_says_what_was_tried_and_for_how_long(server, cluster):
    server.faults.away(for_s=60)
    with took(1.0), pytest.raises(ApiUnavailable) as caught:
        cluster.get(CONFIG_MAP, NS, "a")
    text = str(caught.value)
    assert text.startswith("GET /api/v1/namespaces/here/configmaps/a: no answer")
    assert "tried" in text
    assert "the last time: 503" in text


def test_a_server_that_is_down_is_found_again_when_it_is_up(tmp_path):
    with running() as first:
        cluster, port, store = connect_to(first, tmp_path), first.port, first.store
        cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
    server = ApiServer(store)
    timer = threading.Timer(0.8, server.start, (port,))
    timer.start()
    try:
        assert cluster.get(CONFIG_MAP, NS, "a")["data"] == {"x": "1"}
    finally:
        timer.join()
        server.stop()


def test_a_server_that_never_answers_ends_with_the_deadline(tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        file = write_kubeconfig(tmp_path / "kubeconfig", url, "a")
        cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK)
        with took(1.2), pytest.raises(ApiUnavailable, match="ReadTimeoutError"):
            cluster.get(CONFIG_MAP, NS, "a")


def test_a_server_that_we_do_not_trust_is_not_asked_twice(tmp_path):
    certificate = make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with running(certificate=certificate) as server:
        trust, _ = make_certificate(other)
        file = write_kubeconfig(tmp_path / "kubeconfig", server.url, ADMIN, trust=trust)
        cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK)
        with pytest.raises(ApiUnavailable, match="not trusted") as caught:
            cluster.get(CONFIG_MAP, NS, "a")
    assert "tried" not in str(caught.value)


# Slow


def test_slow_answers_are_waited_for_only_so_long(server, cluster):
    server.faults.latency_s = 0.2
    assert cluster.get(CONFIG_MAP, NS, "a") is None
    server.faults.latency_s = 5.0
    with took(1.0), pytest.raises(ApiUnavailable, match="ReadTimeoutError"):
        cluster.get(CONFIG_MAP, NS, "a")


def test_an_answer_that_drips_in_is_given_up(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"x": "1" * 2000}))
    server.faults.drip_s = 0.05
    with took(1.0), pytest.raises(ApiUnavailable, match="not complete"):
        cluster.get(CONFIG_MAP, NS, "a")


# Storms


def test_too_many_requests_waits_as_long_as_it_is_told(server, cluster):
    server.faults.storm(429, "TooManyRequests", times=1, retry_after_s=1)
    with took(1.0):
        assert cluster.get(CONFIG_MAP, NS, "a") is None
    assert answered(server, "get") == [429, 404]


def test_a_pause_longer_than_the_deadline_is_not_begun(server, cluster):
    server.faults.storm(429, "TooManyRequests", times=1, retry_after_s=3600)
    with took(0), pytest.raises(ApiUnavailable, match="tried 1 time in"):
        cluster.get(CONFIG_MAP, NS, "a")


def test_writes_that_meet_in_the_server_are_sent_again(server, cluster):
    server.faults.storm(409, "Conflict", times=5)
    assert cluster.apply(CONFIG_MAP, config_map({"x": "1"}))["data"] == {"x": "1"}
    assert answered(server, "patch") == [409] * 5 + [201]


def test_a_replacement_that_collides_is_the_callers_to_decide(server, cluster):
    made = cluster.create(CONFIG_MAP, config_map({"x": "1"}))
    server.faults.storm(409, "Conflict", times=1)
    with pytest.raises(Conflict):
        cluster.replace(CONFIG_MAP, {**made, "data": {"x": "2"}})
    assert cluster.replace(CONFIG_MAP, {**made, "data": {"x": "2"}})["data"] == {"x": "2"}


@pytest.mark.parametrize(
    ("code", "reason", "tries"),
    [(500, "ServerTimeout", 2), (504, "Timeout", 2), (500, "", 1), (500, "InternalError", 1)],
)
def test_an_internal_error_is_asked_again_only_where_the_server_says_so(
    server, cluster, code, reason, tries
):
    server.faults.fail(Fault(code, reason, times=1))
    with contextlib.nullcontext() if tries == 2 else pytest.raises(ApiUnavailable, match="failed"):
        assert cluster.get(CONFIG_MAP, NS, "a") is None
    assert len(answered(server, "get")) == tries


# Answers that are lost


def test_a_create_whose_answer_was_lost_is_known_as_ours(server, cluster):
    server.faults.lose_answer("create")
    made = cluster.create(CONFIG_MAP, config_map({"x": "1"}))
    assert made["data"] == {"x": "1"}
    assert made["metadata"]["resourceVersion"] == "1", "it was made once"


def test_a_replacement_whose_answer_was_lost_is_known_as_ours(server, cluster):
    made = cluster.create(CONFIG_MAP, config_map({"x": "1"}))
    server.faults.lose_answer("update")
    assert cluster.replace(CONFIG_MAP, {**made, "data": {"x": "2"}})["data"] == {"x": "2"}


def test_what_another_made_meanwhile_is_not_taken_for_ours(server, cluster):
    server.store.create(CONFIG_MAP, config_map({"x": "theirs"}), "other")
    server.faults.fail(Fault(0, times=1, of=lambda call: call.verb == "create"))
    with pytest.raises(AlreadyExists):
        cluster.create(CONFIG_MAP, config_map({"x": "ours"}))


def test_a_delete_whose_answer_was_lost_is_done(server, cluster):
    cluster.create(CONFIG_MAP, config_map({"x": "1"}))
    server.faults.lose_answer("delete")
    cluster.delete(CONFIG_MAP, NS, "a")
    assert cluster.get(CONFIG_MAP, NS, "a") is None
