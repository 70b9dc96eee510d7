"""A model that a cluster could read, and the command that sends it there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipelines.compile import compile_into
from pipelines.settings import CompileSettings
from pipelines.submission import submit

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
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests."""
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
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
def submitted(model: Path, folder: Path) -> Callable[..., int]:
    """Runs the command against a URL."""

    def run(url: str, *arguments: str) -> int:
        places = ("--endpoint", url, "--folder", str(folder), "--every-s", "0.05")
        return submit.main([str(model), "--overlay", "overlays/cluster.yaml", *places, *arguments])

    return run
