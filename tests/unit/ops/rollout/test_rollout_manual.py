"""A person decides by the model's folder: target and audit are the spec's."""

import subprocess
import sys

import pytest
import yaml

from components.core import audit
from tests.unit.ops.targets.conftest import Serving, predict
from tests.unit.ops.targets.serving_factories import AS_OF, MODEL


@pytest.fixture
def model(serving: Serving) -> str:
    folder = serving.tmp / "models" / MODEL
    folder.mkdir(parents=True)
    spec = {
        "name": MODEL,
        "data": {"primary": {"uri": "toy/{day}.parquet", "event_time": "seen_at", "key": ["id"]}},
        "label": {"column": "delay", "greater_than": 15, "name": "late", "known_after": "1d"},
        "serving": {"target": "local://elsewhere", "log": str(serving.tmp / "log")},
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(spec))
    (folder / "kind.yaml").write_text(yaml.safe_dump({"serving": {"target": serving.uri}}))
    return str(folder)


def decide(command: str, model: str, *words: str) -> tuple[str, str]:
    module = ("-m", "pipelines.cli", "rollout", command, model)
    done = subprocess.run([sys.executable, *module, *words], capture_output=True, text=True)
    return done.stdout, done.stderr


def test_what_a_person_decides_needs_no_address(serving: Serving, model: str) -> None:
    serving.promote("v1")
    serving.stage("v2")
    overlay = ("--overlay", "kind.yaml")

    told, trouble = decide("approve", model, "v2", *overlay)
    assert told == "version v2: promoted\n", trouble
    told, trouble = decide("rollback", model, "v1", *overlay, "--reason", "no good")
    assert told == "version v1: reinstated instead of v2\n", trouble
    assert predict(serving).headers["x-ratoon-version"] == "v1"
    told, _ = decide("list", model, "--target", serving.uri)
    assert told == f"serves now: v1\nv2  trained for {AS_OF} by run run-1\n"
    decided = {(e.step, e.version): e.reason for e in audit.entries(f"{serving.tmp}/log-audit")}
    assert decided == {("approve", "v2"): "decided by a person", ("rollback", "v1"): "no good"}


def test_a_missing_model_folder_is_reported_without_a_traceback(model: str) -> None:
    told, trouble = decide("rollback", f"{model}/none")
    assert told == ""
    assert "model.yaml" in trouble
    assert "Traceback" not in trouble
