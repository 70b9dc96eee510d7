"""Submitting to a Kubeflow Pipelines over HTTP: upload, run, follow."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from played_cluster import Cluster
from typer.testing import CliRunner

from components.core.spec import load_spec
from components.ops.plan.folder import open_source
from components.ops.plan.model_files import read_model_files, read_spec
from pipelines.cli.app import app
from pipelines.submission.submit import read_compiled
from tests.fakes.kfp_faults import Fault

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def versions(folder: Path) -> dict[str, list[str]]:
    return {name: [one.version] for name, one in read_compiled(folder).items()}


def succeed(say: Callable[..., None], started: Any) -> bool:
    say("root-driver", "SUCCEEDED", end="12:00:01")
    say("plan", "SUCCEEDED", end="12:00:03")
    say("condition-1", "RUNNING", "12:00:04")
    say("train", "SUCCEEDED", "12:00:05", end="12:01:05")
    return True


def test_a_run_from_the_upload_to_its_end(submitted, versions, capsys) -> None:
    cluster = Cluster([succeed])
    with cluster.serving() as url:
        assert submitted(url, as_of="2013-07-01", experiment="trial").is_good
    assert cluster.uploaded() == versions
    (run,) = cluster.runs()
    assert run["service_account"] == "ratoon-pipeline"
    assert run["display_name"] == "train-and-deploy of flights as of 2013-07-01"
    (experiment,) = cluster.api.store.rows("experiments")
    assert (experiment["display_name"], run["experiment_id"]) == (
        "trial",
        experiment["experiment_id"],
    )
    given = run["runtime_config"]["parameters"]
    assert (given["as_of"], given["target"], given["overlay"]) == ("2013-07-01", "", "")
    said = capsys.readouterr().out
    assert f"run: {url}/#/runs/details/{run['run_id']}" in said
    lines = [line.split()[1:4] for line in said.splitlines() if line.startswith("  ✓")]
    assert lines == [["plan", "3.0", "s"], ["train", "60.0", "s"]], "in order, KFP's own left out"


def test_the_cluster_is_given_the_whole_folder(submitted, model: Path) -> None:
    cluster = Cluster()
    with cluster.serving() as url:
        submitted(url)
    text = cluster.runs()[0]["runtime_config"]["parameters"]["model"]
    with open_source(text) as folder:
        sent = read_model_files(folder, read_spec(folder))
    written = (model / "model.yaml").read_text()
    overlay = (model / "overlays/cluster.yaml").read_text()
    assert sent.spec == load_spec(written, overlay)
    for name in ("schema.pbtxt", "behaviour.yaml"):
        assert sent.files[name] == (model / name).read_bytes()


def test_the_same_pipelines_are_uploaded_once(submitted, versions, capsys) -> None:
    cluster = Cluster()
    with cluster.serving() as url:
        assert submitted(url).is_good
        assert capsys.readouterr().out.count(" uploaded") == 2
        assert submitted(url, pipeline="monitor").is_good
    assert capsys.readouterr().out.count(" is there already") == 2
    assert cluster.uploaded() == versions
    names = [run["display_name"] for run in cluster.runs()]
    assert names == ["train-and-deploy of flights", "monitor of flights"]


def test_a_version_on_a_later_page_is_found(submitted, versions) -> None:
    """KFP gives a hundred versions at a time."""
    cluster = Cluster()
    store = cluster.api.store
    pipeline = store.add_pipeline("monitor", "")
    text = (ROOT / "manifests/pipelines/monitor.yaml").read_text()
    store.add_version(pipeline["pipeline_id"], versions["monitor"][0], text)
    (kept,) = store.rows("versions")
    for number in range(100):
        store.add(
            "versions",
            {**kept, "name": f"v{number}", "display_name": f"v{number}"}
            | {"pipeline_version_id": f"{number}", "created_at": "2020-01-01T00:00:00Z"},
        )
    with cluster.serving() as url:
        assert submitted(url).is_good
    assert cluster.uploaded()["monitor"].count(versions["monitor"][0]) == 1


def test_a_run_that_fails(submitted, capsys) -> None:
    def fail(say: Callable[..., None], started: Any) -> bool:
        said = {"message": "no such holdout"}
        say("plan", "FAILED", end="12:00:09", error=said)
        cluster.runs()[0]["error"] = {"message": "plan failed"}
        return False

    cluster = Cluster([fail])
    with cluster.serving() as url:
        assert not submitted(url).is_good
    said = capsys.readouterr().out
    assert "✗ plan" in said
    assert "no such holdout" in said
    assert "failed after" in said
    assert "plan failed" in said


def test_a_server_that_is_away_for_a_moment(submitted) -> None:
    seen, there = threading.Event(), threading.Event()

    def wait(say: Callable[..., None], started: Any) -> bool:
        cluster.api.faults.add(Fault("GET", "/runs/", times=4, status=503))
        seen.set()
        return there.wait(10)

    cluster = Cluster([wait])
    threading.Timer(0.6, there.set).start()
    with cluster.serving() as url:
        assert submitted(url).is_good
    assert seen.is_set()


def command(url: str, model: Path, folder: Path, *words: str) -> list[str]:
    places = ["--endpoint", url, "--folder", str(folder), "--every-s", "0.05"]
    return ["submit", str(model), "--overlay", "overlays/cluster.yaml", *places, *words]


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_the_command_ends_as_the_run_did(model: Path, folder: Path, good: bool, code: int) -> None:
    cluster = Cluster([lambda say, started: good])
    with cluster.serving() as url:
        result = CliRunner().invoke(app, command(url, model, folder))
    assert result.exit_code == code, result.output
    assert f"run: {url}/#/runs/details/" in result.stdout


def test_ctrl_c_leaves_the_run_running(model: Path, folder: Path) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def wait(say: Callable[..., None], started: Any) -> bool:
        say("plan", "RUNNING")
        under_way.set()
        go_on.wait(30)
        say("plan", "SUCCEEDED", end="12:00:02")
        return True

    cluster = Cluster([wait])
    with cluster.serving() as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *command(url, model, folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that started the tests in the background has them ignore SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert process.stdout is not None
        lines = []
        while not any(line.startswith("run: ") for line in lines):
            lines.append(process.stdout.readline())
        assert under_way.wait(10)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (130, "")
        (run,) = cluster.runs()
        again = f"The run goes on. To follow it: ratoon submit {model} --follow {run['run_id']}"
        assert again in said
        assert run["state"] == "RUNNING"
        assert not [one for one in cluster.api.seen if ":terminate" in one.path]
        go_on.set()
        words = command(url, model, folder, "--follow", run["run_id"])
        followed = CliRunner().invoke(app, words)
    assert followed.exit_code == 0, followed.output
    assert "✓ plan" in followed.stdout
    assert len(cluster.runs()) == 1, "following starts none"


@pytest.mark.parametrize("model_uri", ["s3://models/flights", "git+https://host/r@" + "0" * 40])
def test_a_model_elsewhere_is_passed_as_it_is(submitted, model_uri: str) -> None:
    cluster = Cluster()
    with cluster.serving() as url:
        place = {"overlay": "overlays/staging.yaml", "target": "kserve://here"}
        assert submitted(url, model=model_uri, **place).is_good
    given = cluster.runs()[0]["runtime_config"]["parameters"]
    assert given == {
        "model": model_uri,
        "as_of": "",
        "target": "kserve://here",
        "overlay": "overlays/staging.yaml",
    }
