"""A person decides by the model's folder: target and audit are the spec's."""

import subprocess
import sys

import pytest
import yaml

from components.core import audit
from tests.unit.ops.deploy.conftest import Serving, predict
from tests.unit.ops.deploy.serving_factories import MODEL


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
    module = ("-m", "components.ops.rollout", command, "--model", model)
    done = subprocess.run([sys.executable, *module, *words], capture_output=True, text=True)
    return done.stdout, done.stderr


def test_what_a_person_decides_needs_no_address(serving: Serving, model: str) -> None:
    serving.promote("v1")
    serving.stage("v2")
    overlay = ("--overlay", "kind.yaml")

    told, trouble = decide("approve", model, *overlay, "v2")
    assert told == "version v2: promoted\n", trouble
    told, trouble = decide("restore", model, *overlay, "--reason", "no good", "v1")
    assert told == "version v1: restored instead of v2\n", trouble
    assert predict(serving).headers["x-ratoon-version"] == "v1"
    told, _ = decide("restore", model, "--target", serving.uri, "--list")
    assert told.splitlines()[0] == "serves now: v1"
    decided = {(e.step, e.version): e.reason for e in audit.entries(f"{serving.tmp}/log-audit")}
    assert decided == {("approve", "v2"): "decided by a person", ("restore", "v1"): "no good"}


def test_a_model_that_is_not_there_is_said_plainly(model: str) -> None:
    told, trouble = decide("restore", f"{model}/none")
    assert told == ""
    assert "model.yaml" in trouble
    assert "Traceback" not in trouble
