"""The component as Kubeflow's own executor runs it, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from evaluate_factories import EvaluationFactory, Weights

from components.core.artifacts import VERDICT
from components.core.verdict import Verdict
from tests.fakes.step_function import PRELUDE

ROOT = Path(__file__).parents[4]
SOURCE = ROOT / "components/model/evaluate/component.py"
TYPES = {
    "plan": "system.Artifact",
    "examples": "system.Dataset",
    "model": "system.Model",
    "chosen": "system.Model",
    "verdict": "system.Artifact",
    "report": "system.HTML",
    "metrics": "system.Metrics",
    "curves": "system.ClassificationMetrics",
}


def artifact(name, path):
    kind = {"schemaTitle": TYPES[name], "schemaVersion": "0.0.1"}
    return {"artifacts": [{"name": name, "type": kind, "uri": str(path), "metadata": {}}]}


def test_the_executor_gets_a_decision_and_what_the_dashboard_shows(tmp_path):
    factory = EvaluationFactory(tmp_path)
    folders = factory.folders(Weights(), factory.champion(Weights(of_x=0.9, of_b=-0.6)))
    out = tmp_path / "out"
    outputs = {
        n: artifact(n, out / n) for n in ("chosen", "verdict", "report", "metrics", "curves")
    }
    inputs = {n: artifact(n, getattr(folders, n)) for n in ("plan", "examples", "model")}
    task = {
        "inputs": {"parameterValues": {"run": "run-7"}, "artifacts": inputs},
        "outputs": {
            "artifacts": outputs,
            "outputFile": str(out / "executor_output.json"),
            "parameters": {n: {"outputFile": str(out / n)} for n in ("decision", "reason")},
        },
    }
    out.mkdir()
    module = out / "ephemeral_component.py"
    module.write_text(PRELUDE + "def " + SOURCE.read_text().split("\ndef ", 1)[1])
    where = ["--component_module_path", str(module)]
    what = ["--function_to_execute", "evaluate", "--executor_input", json.dumps(task)]
    done = subprocess.run(
        [sys.executable, "-m", "kfp.dsl.executor_main", *where, *what],
        check=False,
        cwd=ROOT,
        env={**os.environ, "_KFP_RUNTIME": "true", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    written = json.loads((out / "executor_output.json").read_text())
    assert written["parameterValues"]["decision"] == "deploy"
    assert written["parameterValues"]["reason"] == Verdict.read(out / "verdict" / VERDICT).reason
    metadata = {n: a["artifacts"][0]["metadata"] for n, a in written["artifacts"].items()}
    assert 0.5 < metadata["metrics"]["recent AUC"] < 1
    assert metadata["chosen"] == {"version": "v2"}
    roc = metadata["curves"]["confidenceMetrics"]
    assert roc[0]["falsePositiveRate"] == 0
    assert roc[-1]["recall"] == 1
    assert len(roc) <= 120
    matrix = metadata["curves"]["confusionMatrix"]
    assert [c["displayName"] for c in matrix["annotationSpecs"]] == ["not late", "late"]
    assert sum(sum(row["row"]) for row in matrix["rows"]) == 1_500
    assert (out / "report").read_text().startswith("<!DOCTYPE html>")
    assert (out / "chosen" / "saved_model" / "saved_model.pb").is_file()
