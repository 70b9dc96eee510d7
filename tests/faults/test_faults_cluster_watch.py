"""A watch that is cut off goes on, and a token that is rotated is read again."""

import threading
import time

import pytest

from components.core.errors import ApiRejected, ApiUnavailable
from components.ops.cluster.connection import connect
from components.ops.cluster.errors import ApiCall
from components.ops.cluster.protocol import CONFIG_MAP, KubeClient
from tests.fakes.api_server import ADMIN, ApiServer, User, running
from tests.fakes.certificate import make_certificate
from tests.faults.api_fixtures import NS, QUICK, answered, config_map, took

# Watches


def count_up(server: ApiServer, last: int, backoff_s: float = 0.15) -> threading.Thread:
    def work() -> None:
        for number in range(2, last + 1):
            time.sleep(backoff_s)
            server.store.apply(CONFIG_MAP, config_map({"n": str(number)}), "other", force=True)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def seen_until(cluster: KubeClient, last: str, within_s: float = 10.0) -> list[str]:
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
    count_up(server, last=3, backoff_s=0.2).join()
    assert next(watching)["data"] in ({"n": "2"}, {"n": "3"})


def test_a_watch_that_nobody_answers_at_its_end_says_so(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    watching = cluster.watch(CONFIG_MAP, NS, "a", 2.0)
    next(watching)
    server.faults.away(for_s=60)
    with took(1.0), pytest.raises(ApiUnavailable):
        list(watching)


def test_a_watch_that_falls_silent_is_asked_anew(server, cluster):
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.faults.silent_watches = True
    working = count_up(server, last=2)
    with took(0):
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
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK)
    cluster.apply(CONFIG_MAP, config_map({"x": "1"}))
    server.users = {"second": User("admin")}
    token.write_text("second")
    assert cluster.get(CONFIG_MAP, NS, "a")["data"] == {"x": "1"}


def test_a_token_that_is_rotated_during_a_watch_is_read_again(server, tmp_path):
    token = tmp_path / "token"
    token.write_text(ADMIN)
    file = server.kubeconfig(tmp_path / "kubeconfig", token_file=token)
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK)
    cluster.apply(CONFIG_MAP, config_map({"n": "1"}))
    server.users = {ADMIN: User("admin"), "second": User("admin")}
    watching = cluster.watch(CONFIG_MAP, NS, "a", 10.0)
    next(watching)
    server.users = {"second": User("admin")}
    token.write_text("second")
    working = count_up(server, last=2, backoff_s=1.5)
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
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK)
    with pytest.raises(ApiRejected, match="does not know our token") as caught:
        cluster.get(CONFIG_MAP, NS, "a")
    assert answered(server, "get") == [401, 401], "once more with the token read again"
    assert "s3cret" not in str(caught.value)


def test_every_call_is_told_once_however_often_it_is_sent(server, tmp_path):
    told: list[ApiCall] = []
    file = server.kubeconfig(tmp_path / "kubeconfig")
    cluster = connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=QUICK, observe=told.append)
    server.faults.storm(503, "ServiceUnavailable", times=3)
    cluster.get(CONFIG_MAP, NS, "a")
    assert told == [ApiCall("get", "", "configmaps", NS, "a")]
