"""The command as a process of its own, in a folder that has nothing to do with this checkout."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.local.machine import Machine

ROOT = Path(__file__).resolve().parents[4]
SPEC = """\
name: churn
data:
  primary:
    uri: data/{day}.parquet
    event_time: seen_at
    key: [customer_id, seen_at]
label: {column: left, known_after: 1d}
serving: {target: "local://serving", log: log}
first_model: allowed
"""
SCHEMA = """\
feature { name: "age" type: INT presence { min_fraction: 1.0 } }
feature { name: "branch" type: BYTES presence { min_fraction: 1.0 } }
feature { name: "left" type: INT int_domain { min: 0 max: 1 } }
"""
Ratoon = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's own repository with a model, and a folder that is called like one of Ratoon's."""
    folder = tmp_path / "theirs"
    (folder / "churn").mkdir(parents=True)
    (folder / "churn/model.yaml").write_text(SPEC)
    (folder / "churn/schema.pbtxt").write_text(SCHEMA)
    (folder / "components").mkdir()
    (folder / "components/__init__.py").write_text("raise ImportError('not Ratoon')\n")
    return folder


@pytest.fixture
def ratoon(repository: Path) -> Ratoon:
    """Runs the command in the user's repository, with this Python or with that of an image."""

    def run(
        *arguments: str, python: str = sys.executable, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        environment["RATOON_ENVS"] = str(Machine.of_checkout().envs)
        return subprocess.run(
            [python, "-m", "pipelines.cli", *arguments],
            cwd=repository,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
