"""Serving folders that leave no process behind."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from components.core.plan import Champion
from components.ops.targets.local import processes
from components.ops.targets.local.record import LocalRecord
from components.ops.targets.local.servers import COMMAND_VARIABLE
from components.ops.targets.local.serving import stop
from components.ops.targets.local.target import LocalTarget
from components.ops.targets.target_uri import LocalTargetUri
from tests.unit.ops.targets.serving_factories import (
    COMMAND,
    MODEL,
    body_of,
    candidate_of,
    make_model,
)


@dataclass(frozen=True)
class Serving:
    """A folder that serves the toy model."""

    tmp: Path
    # Not the default one: another test run on this machine may have that.
    port: int = field(default_factory=processes.free_port)

    @property
    def folder(self) -> Path:
        return self.tmp / "serving"

    @property
    def uri(self) -> str:
        return f"local://{self.folder}?port={self.port}"

    @property
    def target(self) -> LocalTarget:
        return LocalTarget(LocalTargetUri(self.folder, self.port), MODEL)

    def stage(self, version: str, **behaviour: object) -> None:
        model = make_model(self.tmp, version, **behaviour)
        self.target.stage(model, candidate_of(version, self.tmp), self.target.champion())

    def promote(self, version: str, **behaviour: object) -> Champion:
        self.stage(version, **behaviour)
        return self.target.promote(version, self.target.champion(), "by the test")


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv(COMMAND_VARIABLE, COMMAND)
    serving = Serving(tmp_path)
    try:
        yield serving
    finally:
        stop(serving.folder)
        assert processes.find_processes(serving.folder) == ()


def record_of(serving: Serving) -> LocalRecord:
    record = serving.target.target_uri.record_file.read()
    assert record is not None
    return record


def versions_running(serving: Serving) -> list[str]:
    """By the command lines of the processes, whatever the record says."""
    found = []
    for process in processes.find_processes(serving.folder):
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode().split("\0")
        is_gateway = "components.ops.targets.local.gateway" in words
        found.append("gateway" if is_gateway else Path(words[words.index("--model-dir") + 1]).name)
    return sorted(found)


def predict(serving: Serving) -> httpx.Response:
    url = f"{serving.target.address}/v2/models/{MODEL}/infer"
    return httpx.post(url, json=body_of(), trust_env=False, timeout=30)
