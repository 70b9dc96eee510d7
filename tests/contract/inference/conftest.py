"""A fake cluster for each mode, with models that real servers load."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.inference.kserve_harness import PYTHON, ROOT, KServeHarness, make_models
from tests.fakes.kserve_controller import Controller, Mode
from tests.fakes.memory import MemoryKubeClient
from tests.fakes.schemas import known
from tests.needs import skip_or_fail


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PYTHON.exists():
        skip_or_fail("there is no .venv/model, whose servers the fake starts")
    folder = tmp_path_factory.mktemp("models")
    make_models(folder, "v1", "v2")
    return folder


@pytest.fixture
def harness_of(models: Path, tmp_path: Path):
    """Makes a cluster of a mode; every process ends with it."""

    @contextmanager
    def made(mode: Mode, **options: float) -> Iterator[KServeHarness]:
        os.environ.setdefault("RATOON_ENVS", str(ROOT / ".venv"))
        cluster = MemoryKubeClient.knowing(known(canary=mode == "standard-canary"))
        folder = tmp_path / "fakes"
        user = cluster.acting_as("kserve-controller")
        controller = Controller(user, folder, mode, **options).start()
        try:
            yield KServeHarness(cluster, models, tmp_path / "log")
        finally:
            controller.stop()
            assert not list((folder / "services").glob("*")), "what it left behind"

    return made
