"""The client goes on where an API server is away, slow, busy or forgets us; and ends in time."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import ApiRejected, ApiUnavailable
from components.ops.cluster.client import connect
from components.ops.cluster.protocol import CONFIG_MAP, AlreadyThere, Cluster, Conflict
from components.ops.cluster.retry import Patience
from components.ops.cluster.rights import Call
from tests.standin.api_faults import Fault
from tests.standin.api_server import ADMIN, ApiServer, User, running
from tests.standin.certificate import make_certificate
from tests.standin.kubeconfig import write_kubeconfig

NS = "here"
QUICK = Patience(
    deadline_s=2.0,
    request_s=0.5,
    connect_s=0.4,
    first_pause_s=0.05,
    longest_pause_s=0.2,
    stream_s=1.0,
)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running() as found:
        yield found


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path) -> Cluster:
    return reach(server, tmp_path)


def reach(server: ApiServer, folder: Path, patience: Patience = QUICK) -> Cluster:
    file = server.kubeconfig(folder / "kubeconfig")
    return connect({"RATOON_KUBECONFIG": str(file)}, patience=patience)


def config_map(data: dict[str, str]) -> dict[str, object]:
    meta = {"name": "a", "namespace": NS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def answered(server: ApiServer, verb: str) -> list[int]:
    return [code for call, code in server.faults.seen if call.verb == verb]


@contextlib.contextmanager
def took(least_s: float, most_s: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert least_s <= time.monotonic() - began <= most_s


# Away


def test_away_for_a_while_is_waited_for(server, cluster):
    server.faults.away(for_s=1.0)
    with took(0.9, 3.0):
        cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
    codes = answered(server, "patch")
    assert codes[-1] == 201
    assert set(codes[:-1]) == {503}
    assert 4 <= len(codes) <= 25, "pauses grow to 0.2 s"


def test_away_for_too_long_says_what_was_tried_and_for_how_long(server, cluster):
    server.faults.away(for_s=60)
    with took(1.0, 3.5), pytest.raises(ApiUnavailable) as caught:
        cluster.get(CONFIG_MAP, NS, "a")
    text = str(caught.value)
    assert text.startswith("GET /api/v1/namespaces/here/configmaps/a: no answer")
    assert "tried" in text
    assert "the last time: 503" in text


def test_a_server_that_is_down_is_found_again_when_it_is_up(tmp_path):
    with running() as first:
        cluster, port, store = reach(first, tmp_path), first.port, first.store
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
        cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK)
        with took(1.2, 3.5), pytest.raises(ApiUnavailable, match="ReadTimeoutError"):
            cluster.get(CONFIG_MAP, NS, "a")


def test_a_server_that_we_do_not_trust_is_not_asked_twice(tmp_path):
    certificate = make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with running(certificate=certificate) as server:
        trust, _ = make_certificate(other)
        file = write_kubeconfig(tmp_path / "kubeconfig", server.url, ADMIN, trust=trust)
        cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK)
        with took(0, 1.0), pytest.raises(ApiUnavailable, match="not trusted"):
            cluster.get(CONFIG_MAP, NS, "a")


# Slow


def test_slow_answers_are_waited_for_only_so_long(server, cluster):
    server.faults.latency_s = 0.2
    assert cluster.get(CONFIG_MAP, NS, "a") is None
    server.faults.latency_s = 5.0
    with took(1.0, 3.5), pytest.raises(ApiUnavailable, match="ReadTimeoutError"):
        cluster.get(CONFIG_MAP, NS, "a")


def test_an_answer_that_drips_in_is_given_up(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"x": "1" * 2000}))
    server.faults.drip_s = 0.05
    with took(1.0, 4.0), pytest.raises(ApiUnavailable, match="not complete"):
        cluster.get(CONFIG_MAP, NS, "a")


# Storms


def test_too_many_requests_waits_as_long_as_it_is_told(server, cluster):
    server.faults.storm(429, "TooManyRequests", times=1, asked_s=1)
    with took(1.0, 1.9):
        assert cluster.get(CONFIG_MAP, NS, "a") is None
    assert answered(server, "get") == [429, 404]


def test_a_pause_longer_than_the_deadline_is_not_begun(server, cluster):
    server.faults.storm(429, "TooManyRequests", times=1, asked_s=3600)
    with took(0, 1.0), pytest.raises(ApiUnavailable, match="tried 1 time in"):
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
    with pytest.raises(AlreadyThere):
        cluster.create(CONFIG_MAP, config_map({"x": "ours"}))


def test_a_delete_whose_answer_was_lost_is_done(server, cluster):
    cluster.create(CONFIG_MAP, config_map({"x": "1"}))
    server.faults.lose_answer("delete")
    cluster.delete(CONFIG_MAP, NS, "a")
    assert cluster.get(CONFIG_MAP, NS, "a") is None


# Watches


def count_up(server: ApiServer, last: int, pause_s: float = 0.15) -> threading.Thread:
    def work() -> None:
        for number in range(2, last + 1):
            time.sleep(pause_s)
            server.store.apply(CONFIG_MAP, config_map({"n": str(number)}), "other", force=True)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def seen_until(cluster: Cluster, last: str, within_s: float = 10.0) -> list[str]:
    said = []
    for found in cluster.watch(CONFIG_MAP, NS, "a", within_s):
        said.append(found["data"]["n"])
        if said[-1] == last:
            break
    return said


def test_a_watch_that_is_cut_off_goes_on_without_a_gap(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.faults.cut_watch_after = 1
    working = count_up(server, last=6)
    assert seen_until(cluster, "6") == ["1", "2", "3", "4", "5", "6"]
    working.join()
    assert len(answered(server, "watch")) >= 5


def test_a_watch_of_a_version_too_old_begins_anew_and_says_nothing_twice(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    watching = cluster.watch(CONFIG_MAP, NS, "a", 10.0)
    assert next(watching)["data"] == {"n": "1"}
    server.store.forget()
    server.store.forget()
    timer = threading.Timer(0.5, lambda: count_up(server, last=2).join())
    timer.start()
    assert next(watching)["data"] == {"n": "2"}
    timer.join()
    assert len(answered(server, "list")) >= 2


def test_a_watch_over_an_outage_shows_what_came_of_it(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    watching = cluster.watch(CONFIG_MAP, NS, "a", 10.0)
    next(watching)
    server.faults.cut_watch_after = 0
    server.faults.away(for_s=1.0)
    count_up(server, last=3, pause_s=0.2).join()
    assert next(watching)["data"] in ({"n": "2"}, {"n": "3"})


def test_a_watch_that_nobody_answers_at_its_end_says_so(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    watching = cluster.watch(CONFIG_MAP, NS, "a", 2.0)
    next(watching)
    server.faults.away(for_s=60)
    with took(1.0, 3.5), pytest.raises(ApiUnavailable):
        list(watching)


def test_a_watch_that_falls_silent_is_asked_anew(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.faults.silent_watches = True
    working = count_up(server, last=2)
    with took(0, 8.0):
        assert seen_until(cluster, "2") == ["1", "2"]
    working.join()


def test_a_server_that_ends_every_stream_at_once_is_not_asked_without_pause(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.faults.end_watches = True
    assert len(list(cluster.watch(CONFIG_MAP, NS, "a", 1.5))) == 1
    assert len(answered(server, "watch")) <= 30


# Tokens


def test_a_rotated_token_is_read_again(server, tmp_path):
    token = tmp_path / "token"
    token.write_text(ADMIN)
    file = server.kubeconfig(tmp_path / "kubeconfig", token_file=token)
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK)
    cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
    server.users = {"second": User("admin")}
    token.write_text("second")
    assert cluster.get(CONFIG_MAP, NS, "a")["data"] == {"x": "1"}


def test_a_token_that_is_rotated_during_a_watch_is_read_again(server, tmp_path):
    token = tmp_path / "token"
    token.write_text(ADMIN)
    file = server.kubeconfig(tmp_path / "kubeconfig", token_file=token)
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK)
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.users = {ADMIN: User("admin"), "second": User("admin")}
    watching = cluster.watch(CONFIG_MAP, NS, "a", 10.0)
    next(watching)
    server.users = {"second": User("admin")}
    token.write_text("second")
    working = count_up(server, last=2, pause_s=1.5)
    assert next(watching)["data"] == {"n": "2"}
    working.join()


def test_the_token_of_a_pod_is_read_again(tmp_path):
    certificate = make_certificate(tmp_path)
    account = tmp_path / "account"
    account.mkdir()
    (account / "ca.crt").write_bytes(certificate[0].read_bytes())
    (account / "token").write_text(ADMIN)
    with running(certificate=certificate) as server:
        port = str(server.port)
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
        cluster = connect(environ, account, QUICK)
        cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
        server.users = {"second": User("admin")}
        (account / "token").write_text("second")
        assert cluster.get(CONFIG_MAP, NS, "a")["data"] == {"x": "1"}


def test_a_token_that_nobody_knows_is_said_and_not_shown(server, tmp_path):
    file = server.kubeconfig(tmp_path / "kubeconfig", token="s3cret-token")
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK)
    with took(0, 1.0), pytest.raises(ApiRejected, match="does not know our token") as caught:
        cluster.get(CONFIG_MAP, NS, "a")
    assert "s3cret" not in str(caught.value)


def test_every_call_is_told_once_however_often_it_is_sent(server, tmp_path):
    told: list[Call] = []
    file = server.kubeconfig(tmp_path / "kubeconfig")
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, patience=QUICK, observe=told.append)
    server.faults.storm(503, "ServiceUnavailable", times=3)
    cluster.get(CONFIG_MAP, NS, "a")
    assert told == [Call("get", "", "configmaps", NS, "a")]
