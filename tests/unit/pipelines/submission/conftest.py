"""A model that a cluster could read, and what sends it there."""

import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from pipelines.compile import compile_into
from pipelines.settings import CompileSettings
from pipelines.submission.parameters import RunRequest
from pipelines.submission.server import RunOutcome
from pipelines.submission.submit import Submission, submit_run

ROOT = Path(__file__).resolve().parents[4]
OVERLAY = {
    "data": {
        "primary": {"uri": "s3://flights/{month}.parquet"},
        "external": {
            "weather": {"uri": "s3://flights/weather.parquet"},
            "planes": {"uri": "gs://flights/planes.parquet"},
        },
        "prepared": "s3://ratoon/prepared",
    },
    "serving": {
        "target": "kserve://ratoon",
        "store": "s3://ratoon/models",
        "log": "s3://ratoon/log",
    },
}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests."""
    for name in ("KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH", "KF_PIPELINES_UI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "flights"
    shutil.copytree(ROOT / "models/flights", folder)
    (folder / "overlays").mkdir()
    (folder / "overlays/cluster.yaml").write_text(yaml.safe_dump(OVERLAY))
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("compiled")
    compile_into(made, CompileSettings(tag="1")).write()
    return made


@pytest.fixture
def submitted(model: Path, folder: Path) -> Callable[..., RunOutcome]:
    """Submits the model to a URL, with other parameters or another place where they are given."""

    def run(url: str, **changed: str) -> RunOutcome:
        given = {"model": str(model), "overlay": "overlays/cluster.yaml", **changed}
        named = {field.name for field in fields(RunRequest)}
        request = RunRequest(**{name: one for name, one in given.items() if name in named})
        place = {name: one for name, one in given.items() if name not in named}
        submission = Submission(url, folder=folder, poll_s=0.05)
        return submit_run(request, replace(submission, **place), Console())

    return run
