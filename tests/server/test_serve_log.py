import json
import resource
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from serve_process import (
    PREDICT,
    VERSION,
    logged,
    logged_ids,
    row,
    seconds,
    serving,
    tensors,
    until,
)

from components.core.artifacts import TRIAL_REQUEST

INSTANT = pa.timestamp("us", tz="UTC")


def ask(client, number):
    """One request of some rows by v1 or v2; its rows, id and answers."""
    rows = [row(number * 100 + n) for n in range(1 + number % 5)]
    if number % 2:
        body = client.post("/v1/models/other:predict", json={"instances": rows}).json()
        answers = [(p["probability"], p["predicted"]) for p in body["predictions"]]
        return rows, body["request_id"], answers
    body = client.post("/v2/models/other/infer", json={"inputs": tensors(rows)}).json()
    assert body["model_name"] == "other"
    return rows, body["id"], list(zip(*(o["data"] for o in body["outputs"]), strict=True))


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def as_logged(given, name):
    if given is None:
        return None
    if name in ("leaves", "booked"):
        return datetime.fromtimestamp(seconds(given), UTC)
    return datetime.fromisoformat(given.replace("Z", "+00:00")) if name == "seen" else given


def test_the_log_equals_the_answers_row_for_row(small_model, tmp_path):
    log = tmp_path / "log"
    before = datetime.now(UTC)
    with serving(small_model, str(log), tmp_path / "stderr", "--name", "other") as served:
        with served.client() as client, ThreadPoolExecutor(8) as pool:
            asked = list(pool.map(lambda n: ask(client, n), range(120)))
        assert served.stop() == 0
    after = datetime.now(UTC)
    table = logged(log)
    assert table.column_names == [
        *("request_id", "row", "logged_at", "model", "version", "latency_ms"),
        *("probability", "predicted", "origin", "flight", "leaves", "seen"),
        *("temp", "wind", "carrier", "booked"),
    ]
    types = {name: table.schema.field(name).type for name in table.column_names}
    assert types == {
        **dict.fromkeys(("request_id", "model", "version", "origin", "carrier"), pa.string()),
        **dict.fromkeys(("logged_at", "leaves", "seen", "booked"), INSTANT),
        **dict.fromkeys(("latency_ms", "probability", "temp", "wind"), pa.float64()),
        **dict.fromkeys(("predicted", "flight"), pa.int64()),
        "row": pa.int32(),
    }
    found = {(r["request_id"], r["row"]): r for r in table.to_pylist()}
    assert len(found) == table.num_rows == sum(len(rows) for rows, _, _ in asked)
    for rows, request_id, answers in asked:
        for place, (given, answer) in enumerate(zip(rows, answers, strict=True)):
            written = found[request_id, place]
            assert (written["probability"], written["predicted"]) == answer
            assert {n: written[n] for n in given} == {n: as_logged(v, n) for n, v in given.items()}
            assert (written["model"], written["version"]) == ("small", VERSION)
            assert before <= written["logged_at"] <= after
            assert 0 < written["latency_ms"] < 30_000
    hours = {(before + timedelta(hours=n)).strftime("%Y-%m-%dT%H") for n in (0, 1)}
    assert {folder.name for folder in log.iterdir()} <= hours
    assert not list(log.glob("*/*.part"))


def test_rows_are_in_files_while_the_server_runs(served):
    answer = served.post(PREDICT, json={"instances": [row(1)]}).json()
    until(lambda: answer["request_id"] in logged_ids(served.log))


def test_a_validation_request_is_answered_but_not_logged(served):
    question = {"json": {"instances": [row(1)]}}
    trial = served.post(PREDICT, **question, headers={"x-request-id": f"{TRIAL_REQUEST}1"})
    assert trial.status_code == 200
    after = served.post(PREDICT, **question).json()["request_id"]
    until(lambda: any(served.log.glob("*/*.parquet")))
    until(lambda: after in logged_ids(served.log))
    assert f"{TRIAL_REQUEST}1" not in logged_ids(served.log)


def test_a_log_that_cannot_be_written_loses_rows_and_counts_them(small_model, tmp_path):
    (tmp_path / "log").write_text("a file where a folder should be")
    with serving(small_model, str(tmp_path / "log"), tmp_path / "stderr") as served:
        for number in range(5):
            answer = served.post(PREDICT, json={"instances": [row(number), row(number + 1)]})
            assert answer.status_code == 200
        until(lambda: served.metric("ratoon_log_rows_lost_total") == 10)
        assert served.metric("ratoon_log_rows_total") == 0
        assert served.stop() == 0
    text = (tmp_path / "stderr").read_text()
    assert text.count("The prediction log cannot be written") == 1


def test_a_full_disk_loses_rows_until_there_is_room(small_model, tmp_path):
    log = tmp_path / "log"
    with serving(small_model, str(log), tmp_path / "stderr") as served:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
        assert served.post(PREDICT, json={"instances": [row(1)]}).status_code == 200
        until(lambda: served.metric("ratoon_log_rows_lost_total") == 1)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, unlimited)
        kept = served.post(PREDICT, json={"instances": [row(2)]}).json()["request_id"]
        until(lambda: served.metric("ratoon_log_rows_total") == 1)
        assert served.stop() == 0
    assert logged_ids(log) == [kept]
    assert not list(log.glob("*/*.part"))


def test_a_store_that_hangs_never_blocks_a_prediction(small_model, tmp_path):
    with socket.socket() as store:  # takes connections and never answers
        store.bind(("127.0.0.1", 0))
        store.listen(64)
        credentials = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        options = ("--log-rows", "50")
        with serving(
            small_model, "s3://bucket/log", tmp_path / "stderr", *options, **credentials
        ) as served:
            rows = [row(n) for n in range(10)]
            with served.client() as client:
                slowest = 0.0
                for _ in range(40):
                    started = time.monotonic()
                    assert client.post(PREDICT, json={"instances": rows}).status_code == 200
                    slowest = max(slowest, time.monotonic() - started)
            assert slowest < 20
            assert served.metric("ratoon_log_rows_lost_total") == 350
            assert served.stop() == 0


def test_sigterm_answers_what_is_in_flight_and_writes_it(small_model, tmp_path):
    log = tmp_path / "log"
    body = json.dumps({"instances": [row(1), row(2)]}).encode()
    with serving(small_model, str(log), tmp_path / "stderr") as served:
        # Rows of the last moment: written by the flush at the end, not by the second's.
        for number in range(20):
            served.post(PREDICT, json={"instances": [row(number)]})
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:40])
            time.sleep(0.3)  # the server has the half of it
            served.process.terminate()
            until(lambda: not listens(served.port))
            assert served.process.poll() is None
            connection.sendall(body[40:])
            connection.settimeout(10)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert served.process.wait(20) == 0
    assert answer.startswith(b"HTTP/1.1 200")
    request_id = json.loads(answer.partition(b"\r\n\r\n")[2])["request_id"]
    counts = Counter(logged_ids(log))
    assert counts[request_id] == 2
    assert sum(counts.values()) == 22
