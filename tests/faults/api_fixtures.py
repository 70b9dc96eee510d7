"""A client with little patience, and an API server that may be made to fail."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.ops.cluster.api_client import RetryPolicy
from components.ops.cluster.connection import connect
from components.ops.cluster.protocol import KubeClient
from tests.fakes.api_server import ApiServer, running

NS = "here"
QUICK = RetryPolicy(
    deadline_s=2.0,
    request_timeout_s=0.5,
    connect_timeout_s=0.4,
    initial_backoff_s=0.05,
    max_backoff_s=0.2,
    watch_timeout_s=1.0,
)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running() as found:
        yield found


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path) -> KubeClient:
    return connect_to(server, tmp_path)


@contextlib.contextmanager
def took(min_s: float) -> Iterator[None]:
    """Takes so long, and is over before a slow machine would say that it hangs."""
    began = time.monotonic()
    yield
    assert min_s <= time.monotonic() - began <= 30


def connect_to(server: ApiServer, folder: Path, retry_policy: RetryPolicy = QUICK) -> KubeClient:
    file = server.kubeconfig(folder / "kubeconfig")
    return connect({"RATOON_KUBECONFIG": str(file)}, retry_policy=retry_policy)


def config_map(data: dict[str, str]) -> dict[str, object]:
    meta = {"name": "a", "namespace": NS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def answered(server: ApiServer, verb: str) -> list[int]:
    return [code for call, code in server.faults.seen if call.verb == verb]
