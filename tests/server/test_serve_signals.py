"""How a server ends: at once, after a drain, and before it ever served."""

import contextlib
import signal
import time

import httpx
import pytest
from serve_process import INFER, PREDICT, logged_ids, row, serving, start, tensors, until

ONE = {"instances": [row(1)]}
KSERVES = {"inputs": tensors([row(1)]), "outputs": [{"name": "probability"}]}


def test_a_drain_answers_new_requests_and_says_not_ready(small_model, tmp_path):
    log = tmp_path / "log"
    with serving(small_model, str(log), tmp_path / "stderr", "--drain-s", "3") as server:
        server.process.terminate()
        asked = time.monotonic()
        until(lambda: ready(server) == 503)
        ids = []
        while time.monotonic() - asked < 2:
            # A connection of its own each: those are what is refused without a drain.
            ids.append(server.post(PREDICT, json=ONE).json()["request_id"])
            assert server.post(INFER, json=KSERVES).status_code == 200
            time.sleep(0.1)
        assert server.process.wait(20) == 0
        assert 3 <= time.monotonic() - asked < 10
    assert set(ids) <= set(logged_ids(log))


@pytest.mark.parametrize(
    ("options", "signals"),
    [
        (("--drain-s", "60"), [signal.SIGINT]),
        (("--drain-s", "60"), [signal.SIGTERM, signal.SIGTERM]),
    ],
    ids=["Ctrl-C in a drain", "SIGTERM twice"],
)
def test_it_ends_at_once(small_model, tmp_path, options, signals):
    with serving(small_model, str(tmp_path / "log"), tmp_path / "stderr", *options) as server:
        asked = time.monotonic()
        for number in signals:
            server.process.send_signal(number)
            time.sleep(0.3)
        server.process.wait(20)
        assert time.monotonic() - asked < 10
        with pytest.raises(httpx.TransportError):
            server.post(PREDICT, json=ONE)


def test_sigterm_while_it_still_loads(small_model, tmp_path):
    server = start(small_model, str(tmp_path / "log"), tmp_path / "stderr")
    time.sleep(0.7)  # the imports take seconds
    asked = time.monotonic()
    assert server.stop() == 128 + signal.SIGTERM
    assert time.monotonic() - asked < 15


def ready(server) -> int:
    with contextlib.suppress(httpx.TransportError), server.client() as client:
        return client.get("/v2/health/ready").status_code
    return 0
