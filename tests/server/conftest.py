import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from serve_process import ROOT, serving

# What needs the environment of the model image; elsewhere there is nothing to collect.
collect_ignore_glob: list[str] = []
try:
    import kserve  # noqa: F401
except ImportError:
    collect_ignore_glob.append("test_*.py")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = Path(__file__).with_name("small_model.py")
    subprocess.run([sys.executable, str(script), str(folder)], env=environment, check=True)
    return folder


@pytest.fixture(scope="session")
def served(small_model, tmp_path_factory):
    """One server for every test that leaves it as it was."""
    folder = tmp_path_factory.mktemp("served")
    with serving(small_model, str(folder / "log"), folder / "stderr") as server:
        yield server


@pytest.fixture
def copied_model(small_model, tmp_path) -> Path:
    """A model folder to break."""
    return Path(shutil.copytree(small_model, tmp_path / "model"))
