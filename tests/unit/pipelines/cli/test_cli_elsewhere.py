"""The command in a user's own repository, and in the ops image, which has no environments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.local.machine import Machine
from pipelines.local.results import RunResult, StepResult
from tests.unit.pipelines.cli.conftest import Ratoon

OPS = str(Machine.of_checkout().envs / "ops/bin/python3")


def test_a_spec_of_another_repository_is_checked(ratoon: Ratoon, repository: Path) -> None:
    done = ratoon("spec", "check", "churn", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"model": "churn", "valid": True}
    shown = ratoon("spec", "show", str(repository / "churn"))
    assert "churn" in shown.stdout
    assert json.loads(ratoon("spec", "show", "churn", "-o", "json").stdout)["name"] == "churn"


def test_a_wrong_spec_says_where_and_what_to_do(ratoon: Ratoon, repository: Path) -> None:
    file = repository / "churn/model.yaml"
    file.write_text(file.read_text().replace("known_after: 1d", "known_after: soon"))
    done = ratoon("spec", "check", "churn")
    assert (done.returncode, done.stdout) == (1, "")
    assert "churn/model.yaml" in done.stderr
    assert "'soon'" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_serves_yet(ratoon: Ratoon) -> None:
    listed = json.loads(ratoon("rollout", "list", "churn", "-o", "json").stdout)
    assert listed == {"serving": None, "staged": None, "previous": []}
    stopped = ratoon("serve", "stop", "churn")
    assert (stopped.returncode, stopped.stdout) == (0, "nothing was running\n")
    assert ratoon("serve", "status", "churn").returncode == 1
    due = ratoon("monitor", "churn")
    assert due.returncode == 1
    assert "Run `ratoon train`" in due.stderr


def test_what_serves_in_a_cluster_is_not_this_machines(ratoon: Ratoon, repository: Path) -> None:
    (repository / "churn/cluster.yaml").write_text(
        "serving: {target: 'kserve://ns', store: 's3://b/m', log: 's3://b/l'}\n"
    )
    done = ratoon("serve", "status", "churn", "--overlay", "cluster.yaml")
    assert done.returncode == 1
    assert "accepted: a target of the form local://<folder>" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("spec", "check", "churn"),
        ("recurring", "--help"),
        ("rollout", "list", "churn"),
    ],
    ids=" ".join,
)
def test_the_ops_image_has_the_command(ratoon: Ratoon, arguments: tuple[str, ...]) -> None:
    done = ratoon(*arguments, python=OPS, RATOON_ENVS="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_ops_image_submits(ratoon: Ratoon) -> None:
    done = ratoon("submit", "churn", python=OPS, RATOON_ENVS="/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "accepted: a place that a pod reaches" in done.stderr


def test_a_store_without_a_key_is_said_plainly(ratoon: Ratoon, repository: Path) -> None:
    file = repository / "churn/model.yaml"
    file.write_text(file.read_text().replace("log: log", "log: 's3://bucket/log'"))
    done = ratoon(
        "audit", "show", "churn", "r-1", AWS_EC2_METADATA_DISABLED="true", HOME="/nowhere"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "credentials" in done.stderr


@pytest.mark.parametrize("arguments", [("train", "churn"), ("schema", "infer", "churn")])
def test_the_ops_image_says_what_it_cannot(ratoon: Ratoon, arguments: tuple[str, ...]) -> None:
    done = ratoon(*arguments, python=OPS, RATOON_ENVS="/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    assert "environment" in sentence or "virtualenv" in sentence


def test_a_package_that_is_missing_is_said_in_one_sentence() -> None:
    program = "import sys; sys.modules['kfp.compiler'] = None; import pipelines.cli as c; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "compile", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("This command needs the development environment of a checkout")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("decisions", "refusal"),
    [
        (
            {"validate": "pass", "evaluate": "deploy", "deploy": "staged", "rollout": "promoted"},
            None,
        ),
        ({"rollout": "proposed", "schedule": "unchanged"}, None),
        ({"validate": "stop"}, "validate"),
        ({"validate": "pass", "evaluate": "refuse"}, "evaluate"),
        ({"evaluate": "deploy", "deploy": "refused"}, "deploy"),
        ({"deploy": "staged", "rollout": "rolled_back"}, "rollout"),
        ({"monitor": "healthy"}, None),
        ({"monitor": "insufficient"}, None),
        ({"monitor": "alert"}, "monitor"),
        (
            {"monitor": "retrain", "train-and-deploy/evaluate": "refuse"},
            "train-and-deploy/evaluate",
        ),
    ],
)
def test_a_verdict_that_says_no_is_found(
    decisions: dict[str, str], refusal: str | None, tmp_path: Path
) -> None:
    steps = {
        name: StepResult(name, "succeeded", 1.0, tmp_path, {"decision": decision})
        for name, decision in decisions.items()
    }
    found = RunResult("r", tmp_path, "succeeded", 1.0, steps, {}).refusal
    assert (found.name if found else None) == refusal
