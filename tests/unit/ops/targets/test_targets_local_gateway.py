"""The gateway as a client meets it: a real process in front of real servers."""

import contextlib
import socket
import time

import httpx
import pytest

from components.ops.targets.local import processes
from components.ops.targets.local.gateway.proxy import MAX_BODY_BYTES
from components.ops.targets.protocol import Traffic
from tests.unit.ops.targets.conftest import Serving
from tests.unit.ops.targets.serving_factories import MODEL, body_of

PATH = f"/v2/models/{MODEL}/infer"


def client_of(serving: Serving) -> httpx.Client:
    address = serving.target.address
    assert address is not None
    return httpx.Client(base_url=address, trust_env=False, timeout=60)


def wait_until_ready(serving: Serving, version: str) -> None:
    serving.target.wait_ready(version, 30)


def test_answers_say_who_gave_them_and_to_which_request(serving: Serving) -> None:
    serving.promote("v1")
    with client_of(serving) as client:
        answer = client.post(PATH, json=body_of(0.3), headers={"x-request-id": "mine"})
        assert answer.status_code == 200
        assert answer.json()["outputs"][0]["data"] == [0.3]
        assert answer.headers["x-request-id"] == "mine"
        assert answer.headers["x-ratoon-version"] == "v1"
        named = client.post(PATH, json=body_of()).headers["x-request-id"]
        assert len(named) == 32
        odd = client.post(PATH, json=body_of(), headers={"x-request-id": "x" * 200})
        assert len(odd.headers["x-request-id"]) == 32
        assert client.get(f"/v2/models/{MODEL}/ready").json() == {"ready": True}
        assert client.get("/nothing?here=1").status_code == 404


def test_bodies_come_in_pieces_after_a_question_or_are_too_large(serving: Serving) -> None:
    serving.promote("v1")
    whole = httpx.Request("POST", "http://x", json=body_of()).content
    with client_of(serving) as client:
        pieces = iter([whole[:10], whole[10:]])
        assert client.post(PATH, content=pieces).status_code == 200
        assert client.post(PATH, content=b"[" * (MAX_BODY_BYTES + 1)).status_code == 413
        many = iter([b" " * (1 << 20)] * (MAX_BODY_BYTES // (1 << 20) + 1))
        with contextlib.suppress(httpx.TransportError):  # it need not listen to the end
            assert client.post(PATH, content=many).status_code == 413
        assert client.post(PATH, json=body_of()).status_code == 200
        port = client.base_url.port
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(whole)}"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(whole)
        assert wire.recv(100).startswith(b"HTTP/1.1 200")


def test_where_nothing_serves_the_answer_says_so(serving: Serving) -> None:
    serving.stage("v1")
    with client_of(serving) as client:
        answer = client.post(PATH, json=body_of())
        assert answer.status_code == 503
        assert "no model serves" in answer.json()["error"]
        ready = client.get("/-/ready")
        assert ready.status_code == 503
        assert ready.json() == {"ready": False, "champion": None, "candidate": "v1", "share": 0.0}
        assert client.get("/-/nothing").status_code == 404
        serving.target.promote("v1", None, "by the test")
        assert client.get("/-/ready").status_code == 200
        assert client.post(PATH, json=body_of()).status_code == 200


def test_a_request_meets_the_same_version_again(serving: Serving) -> None:
    serving.promote("v1")
    serving.stage("v2", offset=0.1)
    wait_until_ready(serving, "v2")
    serving.target.shift("v2", 0.5)
    with client_of(serving) as client:
        for i in range(40):
            ask = {"headers": {"x-request-id": f"request-{i}"}}
            first = client.post(PATH, json=body_of(), **ask)
            again = client.post(PATH, json=body_of(), **ask)
            assert first.headers["x-ratoon-version"] == again.headers["x-ratoon-version"]
            is_new = first.headers["x-ratoon-version"] == "v2"
            assert first.json()["outputs"][0]["data"] == pytest.approx([0.4 if is_new else 0.3])
        versions = client.get("/-/traffic").json()["versions"]
        assert versions["v1"]["requests"] + versions["v2"]["requests"] == 80
        assert 16 <= versions["v2"]["requests"] <= 64
        assert 'requests_total{version="v2"}' in client.get("/-/metrics").text


@pytest.mark.parametrize("fault", [{"resets": True}, {"status": 500}])
def test_a_candidate_that_fails_is_covered_by_the_champion(
    serving: Serving, fault: dict[str, object]
) -> None:
    serving.promote("v1")
    serving.stage("v2", **fault)
    wait_until_ready(serving, "v2")
    serving.target.shift("v2", 1.0)
    with client_of(serving) as client:
        for _ in range(5):
            answer = client.post(PATH, json=body_of())
            assert answer.status_code == 200
            assert answer.headers["x-ratoon-version"] == "v1"
    assert serving.target.traffic("v2").errors == 5
    assert serving.target.traffic("v1").errors == 0


def test_a_candidate_that_died_is_covered_by_the_champion(serving: Serving) -> None:
    serving.promote("v1")
    serving.stage("v2")
    wait_until_ready(serving, "v2")
    serving.target.shift("v2", 1.0)
    record = serving.target.target_uri.record_file.read()
    assert record is not None
    assert record.candidate is not None
    assert record.candidate.server is not None
    processes.end(record.candidate.server.process, 10)
    with client_of(serving) as client:
        assert client.post(PATH, json=body_of()).headers["x-ratoon-version"] == "v1"
    assert serving.target.traffic("v2").errors == 1


def test_a_champion_that_died_is_a_clear_answer(serving: Serving) -> None:
    serving.promote("v1")
    record = serving.target.target_uri.record_file.read()
    assert record is not None
    assert record.champion is not None
    assert record.champion.server is not None
    processes.end(record.champion.server.process, 10)
    with client_of(serving) as client:
        answer = client.post(PATH, json=body_of())
        assert answer.status_code == 502
        assert "version v1 did not answer" in answer.json()["error"]
        assert client.get("/-/ready").status_code == 200
    assert serving.target.traffic("v1").errors == 2


def test_wrong_input_is_the_clients_and_is_not_asked_twice(serving: Serving) -> None:
    serving.promote("v1")
    with client_of(serving) as client:
        assert client.post(PATH, content=b"{").status_code == 400
    found = serving.target.traffic("v1")
    assert (found.requests, found.refused, found.errors) == (1, 1, 0)


def test_latency_is_counted_as_clients_feel_it(serving: Serving) -> None:
    serving.promote("v1", delay_s=0.2)
    with client_of(serving) as client:
        started = time.monotonic()
        client.post(PATH, json=body_of())
        waited_ms = (time.monotonic() - started) * 1000
    p50 = serving.target.traffic("v1").p50_ms
    assert p50 is not None
    assert 180 <= p50 <= waited_ms * 1.1
    assert serving.target.traffic("v9") == Traffic()


def test_a_damaged_record_stops_nothing_that_serves(serving: Serving) -> None:
    serving.promote("v1")
    record = serving.target.target_uri.record_file.path
    with client_of(serving) as client:
        assert client.post(PATH, json=body_of()).status_code == 200
        content = record.read_bytes()
        record.write_bytes(b"{")
        assert client.post(PATH, json=body_of()).status_code == 200
        record.unlink()
        record.write_bytes(content)
        assert client.post(PATH, json=body_of()).status_code == 200
