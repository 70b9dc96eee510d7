"""Model folders, and a real S3 over HTTP."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from components.ops.targets import store as model_store

ROOT = Path(__file__).parents[4]
# moto cannot be installed beside what the image holds: it runs from the developers' environment.
PYTHON = ROOT / ".venv" / "dev" / "bin" / "python"
MODEL, VERSION = "toy", "20130701T0000-abcdef12"
SECRET = "not-to-be-told"
BUCKET = "models"


@dataclass(frozen=True)
class Store:
    uri: str

    def files(self) -> list[str]:
        """Every file in the store, relative to it."""
        filesystem, path = storage.resolve(self.uri)
        filesystem.invalidate_cache()
        return sorted(str(file).removeprefix(f"{path}/") for file in filesystem.find(path))

    def content(self, name: str) -> bytes:
        return storage.read_bytes(f"{self.uri}/{name}")


def make_folder(folder: Path, seed: str = "a", nbytes: int = 300_000) -> Path:
    """A folder such as training writes, with one file that takes a while."""
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"seed": seed}))
    (folder / "golden.json").write_text("{}")
    (folder / "saved_model" / "saved_model.pb").write_bytes(seed.encode() * 1000)
    (folder / "saved_model" / "variables" / "variables.data").write_bytes(seed.encode() * nbytes)
    return folder


def publish(folder: Path, store: str, model: str, version: str) -> str:
    digest = digest_folder(folder, leave_out=(PUBLISHED,))
    return model_store.publish(folder, store, model, version, digest)


def fetch(uri: str, into: Path) -> None:
    storage.fetch_folder(uri, into, leave_out=(PUBLISHED,))


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """An S3 over HTTP; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (str(PYTHON), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())
