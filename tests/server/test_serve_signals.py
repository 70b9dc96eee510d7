"""How a server ends: at once, after a drain, and before it ever served."""

import contextlib
import signal
import time
from pathlib import Path

import httpx
import pytest
from serve_process import INFER, PREDICT, logged_ids, row, serving, start, tensors, until

ONE = {"instances": [row(1)]}
KSERVES = {"inputs": tensors([row(1)]), "outputs": [{"name": "probability"}]}


def test_a_drain_answers_new_requests_and_says_not_ready(small_model, tmp_path):
    log, drain_s = tmp_path / "log", 5
    options = ("--drain-s", str(drain_s))
    with serving(small_model, str(log), tmp_path / "stderr", *options) as server:
        asked = time.monotonic()
        server.process.terminate()
        until(lambda: ready(server) == 503)
        ids = []
        for _ in range(8):
            # A connection of its own each: those are what is refused without a drain.
            ids.append(server.post(PREDICT, json=ONE).json()["request_id"])
            assert server.post(INFER, json=KSERVES).status_code == 200
        assert server.process.poll() is None
        assert server.process.wait(60) == 0
        assert time.monotonic() - asked >= drain_s
    assert set(ids) <= set(logged_ids(log))


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGTERM, signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]],
    ids=["Ctrl-C", "Ctrl-C in a drain", "SIGTERM twice"],
)
def test_it_ends_without_waiting_for_the_drain(small_model, tmp_path, signals):
    options = ("--drain-s", "600")
    with serving(small_model, str(tmp_path / "log"), tmp_path / "stderr", *options) as server:
        for number in signals[:-1]:
            server.process.send_signal(number)
            until(lambda: ready(server) == 503)
        server.process.send_signal(signals[-1])
        server.process.wait(60)
        with pytest.raises(httpx.TransportError):
            server.post(PREDICT, json=ONE)


def test_sigterm_while_it_still_loads(small_model, tmp_path):
    server = start(small_model, str(tmp_path / "log"), tmp_path / "stderr")
    until(lambda: catches(server.process.pid, signal.SIGTERM))  # the imports after it take seconds
    assert server.stop() == 128 + signal.SIGTERM
    assert "Uvicorn running" not in (tmp_path / "stderr").read_text()


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(caught >> (number - 1) & 1)


def ready(server) -> int:
    with contextlib.suppress(httpx.TransportError), server.client() as client:
        return client.get("/v2/health/ready").status_code
    return 0
