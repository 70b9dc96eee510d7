"""The exporter as a process, over audits in a folder and in an object store."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import s3fs

from components.core import audit
from components.core.audit import AuditEntry, RetrainingClaim
from tests.needs import skip_or_fail

ROOT = Path(__file__).parents[4]
STORE = Path(os.environ.get("RATOON_ENVS", ROOT / ".venv")) / "dev/bin/moto_server"
KEYS = {
    "AWS_ACCESS_KEY_ID": "a-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_REGION": "eu-west-1",
}


def entry(step, run, decision, model="flights", version=None) -> AuditEntry:
    return AuditEntry(
        run=run,
        step=step,
        model=model,
        as_of=f"2013-{run}-01T00:00:00Z",
        version=version,
        decision=decision,
        reason="",
        digests={},
    )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@contextlib.contextmanager
def process(command, **environment):
    started = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@contextlib.contextmanager
def exporting(tmp_path, models, **environment):
    """The process, and a function that reads a metric; None: it is not there."""
    file, port = tmp_path / "models.yaml", free_port()
    file.write_text(models)
    command = [sys.executable, "-m", "components.ops.exporter", "--models", str(file)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--every", "1s"]

    def metric(sample) -> float | None:
        with contextlib.suppress(httpx.TransportError):
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
            found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
            return float(found[0].rpartition(" ")[2]) if found else None
        return None

    with process([*command, *options], **environment) as exporter:
        yield exporter, metric


def test_a_growing_audit_is_followed(tmp_path):
    uri = str(tmp_path / "audit")
    audit.append(uri, entry("rollout", "07", "promoted", version="v1"))
    audit.append(uri, entry("rollout", "09", "promoted", "another", "other"))
    audit.claim_retraining(uri, 0, RetrainingClaim(run="07", as_of="2013-07-01", reason="auc"))
    with exporting(tmp_path, f"flights: {uri}\nempty: {tmp_path}/none\n") as (exporter, metric):
        until(lambda: metric('ratoon_audit_up{model="flights"}') == 1)
        first = metric('ratoon_champion_timestamp_seconds{model="flights",version="v1"}')
        assert first == 1372636800
        assert metric('ratoon_retrainings_total{model="flights"}') == 1
        assert metric('ratoon_audit_entries{model="flights"}') == 2
        until(lambda: metric('ratoon_audit_up{model="empty"}') == 1)
        assert metric('ratoon_audit_entries{model="empty"}') == 0
        audit.append(uri, entry("monitor", "08", "retrain"))
        before = time.time()
        (tmp_path / "audit/runs/08/broken.json").write_text("{")
        until(lambda: metric('ratoon_audit_damaged_files{model="flights"}') == 1)
        assert metric('ratoon_monitor_decision{decision="retrain",model="flights"}') == 1
        until(lambda: metric('ratoon_audit_read_timestamp_seconds{model="flights"}') >= before)
        assert metric('ratoon_audit_read_timestamp_seconds{model="flights"}') <= time.time()
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait(30) == 0


@pytest.mark.parametrize("text", ["", "[flights]", "flights: 7", "a: [", "flights: ftp://host/a"])
def test_a_list_of_models_that_is_none(tmp_path, text):
    with exporting(tmp_path, text) as (exporter, _):
        _, said = exporter.communicate(timeout=20)
        assert exporter.returncode == 1
    assert "accepted" in said
    assert "Traceback" not in said


def test_a_store_that_goes_away_and_comes_back(tmp_path):
    if not STORE.exists():
        skip_or_fail(f"there is no {STORE}: make it with make .venv/ready")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = KEYS | {"AWS_ENDPOINT_URL": address, "AWS_MAX_ATTEMPTS": "1"}
    store = [str(STORE), "-H", "127.0.0.1", "-p", str(port)]
    with exporting(tmp_path, "flights: s3://ratoon/audit\n", **environment) as (_, metric):
        with process(store):
            until(lambda: httpx_status(address) == 200)
            bucket = s3fs.S3FileSystem(
                endpoint_url=address,
                key=KEYS["AWS_ACCESS_KEY_ID"],
                secret=KEYS["AWS_SECRET_ACCESS_KEY"],
                use_listings_cache=False,
            )
            bucket.mkdir("ratoon")
            until(lambda: metric('ratoon_audit_up{model="flights"}') == 1, 60)
            put(bucket, entry("rollout", "07", "promoted", version="v1"))
            champion = 'ratoon_champion_timestamp_seconds{model="flights",version="v1"}'
            until(lambda: metric(champion) == 1372636800)
            put(bucket, entry("monitor", "08", "alert"))
            until(lambda: metric('ratoon_audit_entries{model="flights"}') == 2)
        until(lambda: metric('ratoon_audit_up{model="flights"}') == 0, 60)
        assert metric(champion) == 1372636800
        with process(store):
            until(lambda: httpx_status(address) == 200)
            bucket.mkdir("ratoon")
            until(lambda: metric('ratoon_audit_up{model="flights"}') == 1, 60)


def httpx_status(address) -> int:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(address, trust_env=False).status_code
    return 0


def put(bucket, one: AuditEntry) -> None:
    content = one.model_dump_json().encode()
    bucket.pipe_file(f"ratoon/audit/runs/{one.run}/{one.step}.json", content)
