"""Three stores that behave alike: a disk, a mounted claim, and S3 over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.core import storage
from tests.needs import skip_or_fail
from tests.unit.ops.store.store_factories import BUCKET, PYTHON, SECRET, Store, s3_server


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PYTHON.exists():
        skip_or_fail("the S3 of these tests runs from .venv/dev, which is not there")
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as url:
        yield url


@pytest.fixture
def s3_bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket, reached by what the environment says, as on a cluster."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    filesystem, _ = storage.resolve(f"s3://{BUCKET}")
    filesystem.invalidate_cache()
    if filesystem.exists(BUCKET):
        filesystem.rm(BUCKET, recursive=True)
    filesystem.mkdir(BUCKET)
    yield BUCKET
    type(filesystem).clear_instance_cache()


@pytest.fixture(params=["file", "pvc", "s3"])
def store(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "s3":
        return Store(f"s3://{request.getfixturevalue('s3_bucket')}/kept")
    (tmp_path / "volumes" / "claim").mkdir(parents=True)
    monkeypatch.setenv(storage.PVC_ROOT, str(tmp_path / "volumes"))
    shared = f"file://{tmp_path}/volumes/claim/kept"
    return Store(shared if request.param == "file" else "pvc://claim/kept")
