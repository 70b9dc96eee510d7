"""What a cluster is told of each step, in both compiled pipelines."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.document import MONITOR_VERSION, Document
from pipelines.settings import FOLDER
from pipelines.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
# Step, role, cached, cores and memory requested, their limits: written down by hand.
TABLE = {
    "plan": ("plan", False, ("100m", "256Mi"), ("1", "1Gi")),
    "prepare": ("data", False, ("500m", "512Mi"), ("4", "8Gi")),
    "validate": ("data", True, ("500m", "1Gi"), ("2", "8Gi")),
    "train": ("model", True, ("1", "2Gi"), ("4", "8Gi")),
    "evaluate": ("model", True, ("500m", "2Gi"), ("2", "8Gi")),
    "deploy": ("deploy", False, ("100m", "256Mi"), ("1", "2Gi")),
    "rollout": ("deploy", False, ("100m", "256Mi"), ("1", "2Gi")),
    "schedule": ("schedule", False, ("100m", "256Mi"), ("1", "1Gi")),
    "observe": ("data", False, ("500m", "512Mi"), ("2", "8Gi")),
    "monitor": ("data", False, ("500m", "1Gi"), ("2", "8Gi")),
}
NAMES = ("train-and-deploy", "monitor")


def committed(name: str) -> Document:
    return Document.read((FOLDER / f"{name}.yaml").read_text())


def executors(name: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Step, container and platform settings of every executor."""
    document = committed(name)
    platform = document.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    containers = document.spec["deploymentSpec"]["executors"]
    assert set(platform) == set(containers)
    return [
        (one["container"]["args"][-1], one["container"], platform[label])
        for label, one in containers.items()
    ]


def tasks(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and fields of every task that is a step."""
    spec = committed(name).spec
    graphs = [spec["root"], *spec["components"].values()]
    found = [item for g in graphs for item in g.get("dag", {}).get("tasks", {}).items()]
    return [(task, fields) for task, fields in found if task in STEPS]


def test_the_table_is_of_the_steps_that_there_are() -> None:
    assert set(TABLE) == set(STEPS)
    assert {step for step, _, _ in executors("monitor")} == set(STEPS)
    assert {step for step, _, _ in executors("train-and-deploy")} == set(STEPS) - {
        "observe",
        "monitor",
    }


@pytest.mark.parametrize("name", NAMES)
def test_resources_role_and_user_of_every_step(name: str) -> None:
    for step, container, platform in executors(name):
        role, _, requests, limits = TABLE[step]
        resources = container["resources"]
        given = tuple(resources[f"resource{kind}Request"] for kind in ("Cpu", "Memory"))
        most = tuple(resources[f"resource{kind}Limit"] for kind in ("Cpu", "Memory"))
        assert (step, given, most) == (step, requests, limits)
        assert platform["podMetadata"] == {"labels": {"ratoon.dev/role": role}}
        assert platform["securityContext"] == {
            "runAsUser": "10001",
            "runAsGroup": "10001",
            "runAsNonRoot": True,
        }


@pytest.mark.parametrize("name", NAMES)
def test_what_reads_the_world_is_never_cached(name: str) -> None:
    found = {
        (task, fields["cachingOptions"].get("enableCache", False)) for task, fields in tasks(name)
    }
    assert found == {(step, TABLE[step][1]) for step, _ in tasks(name)}


def test_the_nested_training_is_never_cached_whole() -> None:
    block = committed("monitor").spec["components"]["comp-condition-1"]["dag"]["tasks"]
    assert block["train-and-deploy"]["cachingOptions"] == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_that_fails_late_is_still_tried_again(name: str) -> None:
    """Argo counts backoffMaxDuration from the first attempt's start, and so do we."""
    deadlines = {step: int(one["activeDeadlineSeconds"]) for step, _, one in executors(name)}
    for task, fields in tasks(name):
        policy = fields["retryPolicy"]
        longest = int(policy["backoffMaxDuration"].removesuffix("s"))
        assert policy["maxRetryCount"] in (1, 2)
        assert policy["backoffDuration"] == "10s"
        assert longest == deadlines[task] * (policy["maxRetryCount"] + 1)


def test_the_nested_pipeline_keeps_its_own_settings() -> None:
    nested, alone = executors("monitor"), executors("train-and-deploy")
    for step, container, platform in alone:
        same = [(c["resources"], p) for s, c, p in nested if s == step]
        assert same
        assert all(one == (container["resources"], platform) for one in same)


@pytest.mark.parametrize("name", NAMES)
def test_only_scheduling_is_told_which_monitor_to_pin(name: str) -> None:
    told = {step for step, container, _ in executors(name) if "env" in container}
    assert told == {"schedule"}
    assert committed(name).variable(MONITOR_VERSION) == committed("monitor").version
