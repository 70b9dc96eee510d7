"""The prediction log in an object store: a fake of S3 over real HTTP."""

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
import s3fs
from serve_process import PREDICT, ROOT, row, serving, until

from tests.needs import skip_or_fail

SERVER = Path(os.environ.get("RATOON_ENVS", ROOT / ".venv")) / "dev/bin/moto_server"
KEYS = {
    "AWS_ACCESS_KEY_ID": "a-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-read",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def store():
    """The address of an object store with the bucket ``ratoon``."""
    if not SERVER.exists():
        skip_or_fail(f"there is no {SERVER}: make it with make .venv/ready")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(SERVER), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(address), 30)
        opened(address).mkdir("ratoon")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def answers(address) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(address, trust_env=False).status_code == 200
    return False


def opened(address):
    return s3fs.S3FileSystem(
        endpoint_url=address,
        key=KEYS["AWS_ACCESS_KEY_ID"],
        secret=KEYS["AWS_SECRET_ACCESS_KEY"],
        use_listings_cache=False,
        skip_instance_cache=True,
    )


def test_rows_reach_the_object_store(small_model, store, tmp_path):
    environment = KEYS | {"AWS_ENDPOINT_URL": store}
    log = "s3://ratoon/small/log"
    with serving(small_model, log, tmp_path / "stderr", **environment) as server:
        ids = [
            server.post(PREDICT, json={"instances": [row(n)]}).json()["request_id"]
            for n in range(5)
        ]
        until(lambda: server.metric("ratoon_log_rows_total") == 5)
        last = server.post(PREDICT, json={"instances": [row(9)]}).json()["request_id"]
        assert server.stop() == 0
    filesystem = opened(store)
    files = filesystem.glob("ratoon/small/log/*/*.parquet")
    assert {Path(file).parent.name[:2] for file in files} == {"20"}
    tables = [pq.read_table(file, filesystem=filesystem, partitioning=None) for file in files]
    found = [name for table in tables for name in table["request_id"].to_pylist()]
    assert sorted(found) == sorted([*ids, last])
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in (tmp_path / "stderr").read_text()
