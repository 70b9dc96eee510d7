"""A real server process on a free port, and rows for the small model with their answers."""

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
VERSION = "20130701T0000-abcdef12"
PREDICT, INFER = "/v1/models/small:predict", "/v2/models/small/infer"
JSON = {"content-type": "application/json"}
START_S = 60


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen
    port: int
    log: Path
    stderr: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def post(self, path: str, **request) -> httpx.Response:
        with self.client() as client:
            return client.post(path, **request)

    def metric(self, name: str) -> float:
        with self.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


def start(folder: Path, log: str, stderr: Path, *options: str, **environment: str) -> Served:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "components.model.serve", "--model-dir", str(folder)]
    with stderr.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--log", log, *options],
            cwd=ROOT,
            stderr=stream,
            env=os.environ | environment,
            # A shell's background job inherits an ignored SIGINT, and so would the child.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    return Served(process, port, Path(log), stderr)


def wait_ready(served: Served) -> Served:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert served.process.poll() is None, served.stderr.read_text()
        with contextlib.suppress(httpx.TransportError), served.client() as client:
            if client.get("/v2/health/ready").status_code == 200:
                return served
        time.sleep(0.1)
    raise AssertionError("not ready in time: " + served.stderr.read_text())


@contextlib.contextmanager
def serving(folder: Path, log: str, stderr: Path, *options: str, **environment: str):
    served = start(folder, log, stderr, *options, **environment)
    try:
        yield wait_ready(served)
    finally:
        if served.process.poll() is None:
            served.process.kill()
        served.process.wait()


def row(number: int, **change) -> dict:
    """A row of the small model; every number gives another answer."""
    names = ("UA", "DL", "B6", "WN9", None)
    values = {
        "temp": number * 0.75 - 10,
        "wind": None if number % 7 == 0 else number % 13,
        "carrier": names[number % 5],
        "origin": ("EWR", "JFK")[number % 2],
        "leaves": 1372636800 + number * 60,
        "booked": "2013-06-24T00:00:00Z",
        "flight": number,
        "seen": f"2013-07-01T{number % 24:02d}:00:00.250000Z",
    }
    return values | change


def seconds(value: int | str) -> int:
    if isinstance(value, int):
        return value
    return math.floor(datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp())


def expected(row: dict) -> float:
    """The answer by plain arithmetic."""
    logit = 0.05 * (row["temp"] or 0) - 0.1 * (row["wind"] or 0)
    logit += 0.01 * (seconds(row["leaves"]) - seconds(row["booked"])) / 86400
    logit += 0.3 * len(row["carrier"] or "") - (0.5 if row["origin"] == "EWR" else 0)
    return 1 / (1 + math.exp(-logit))


DATATYPES = {
    "temp": "FP64",
    "wind": "FP32",
    "carrier": "BYTES",
    "origin": "BYTES",
    "leaves": "INT64",
    "booked": "BYTES",
    "flight": "INT32",
    "seen": "BYTES",
}


def tensors(rows: list[dict], **change: dict) -> list[dict]:
    """The same rows as v2 tensors; a change of None leaves the tensor out."""
    made = {
        name: {
            "name": name,
            "shape": [len(rows)],
            "datatype": DATATYPES[name],
            "data": [row[name] for row in rows],
        }
        for name in rows[0]
    }
    for name, part in change.items():
        made[name] = None if part is None else made.get(name, {"name": name}) | part
    return [tensor for tensor in made.values() if tensor]


def logged(log: Path) -> pa.Table:
    """Every row of a prediction log."""
    return pa.concat_tables(list(log_tables(log)), promote_options="default")


def logged_ids(log: Path) -> list[str]:
    """The request ids of a prediction log, one a row; clients may disagree on other columns."""
    return [name for table in log_tables(log) for name in table["request_id"].to_pylist()]


def log_tables(log: Path) -> Iterator[pa.Table]:
    for file in sorted(log.glob("*/*.parquet")):
        yield pq.ParquetFile(file).read()


def until(condition, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
