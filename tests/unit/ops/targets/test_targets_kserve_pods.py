"""The pods of a version as the API server describes them, and last words about what failed."""

from typing import Any

import pytest

from components.ops.targets.kserve.cluster_view import failure_details
from components.ops.targets.kserve.pods import read_pods


def pod(**status: object) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "toy-1",
            "uid": "u1",
            "labels": {"serving.knative.dev/revision": "toy-00001"},
            "annotations": {"ratoon.dev/version": "v1"},
        },
        "spec": {
            "containers": [
                {"name": "queue-proxy", "ports": [{"containerPort": 8012}]},
                {"name": "kserve-container", "ports": [{"containerPort": 8081}]},
            ]
        },
        "status": status,
    }


def server(restarts: int = 0, **state: object) -> list[dict[str, Any]]:
    return [{"name": "kserve-container", "restartCount": restarts, **state}]


READY = [{"type": "Ready", "status": "True"}]


def test_a_pod() -> None:
    found = pod(podIP="10.0.0.7", conditions=READY, containerStatuses=server(2))
    (read,) = read_pods([found, {"metadata": {"name": "other"}}])
    assert (read.name, read.version, read.revision) == ("toy-1", "v1", "toy-00001")
    assert (read.url, read.is_ready, read.restarts) == ("http://10.0.0.7:8081", True, 2)
    found["metadata"]["deletionTimestamp"] = "2013-07-01T00:00:00Z"
    (read,) = read_pods([found])
    assert not read.is_ready
    (read,) = read_pods([pod(podIP="fd00::7")])
    assert (read.url, read.is_ready) == ("http://[fd00::7]:8081", False)
    (read,) = read_pods([pod()])
    assert read.url is None


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"conditions": READY}, ""),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: insufficient cpu.",
                    }
                ]
            },
            "Unschedulable 0/3 nodes are available: insufficient cpu.",
        ),
        (
            {"containerStatuses": server(state={"waiting": {"reason": "ContainerCreating"}})},
            "",
        ),
        (
            {"containerStatuses": server(state={"waiting": {"reason": "ImagePullBackOff"}})},
            "kserve-container ImagePullBackOff",
        ),
        (
            {
                "containerStatuses": server(
                    1,
                    state={"running": {}},
                    lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                )
            },
            "kserve-container OOMKilled (exit code 137)",
        ),
        (
            {
                "initContainerStatuses": [
                    {
                        "name": "storage-initializer",
                        "state": {
                            "terminated": {
                                "reason": "Error",
                                "exitCode": 1,
                                "message": "no such bucket\n",
                            }
                        },
                    }
                ]
            },
            "storage-initializer Error (exit code 1): no such bucket",
        ),
    ],
)
def test_what_keeps_a_pod_from_being_ready(status: dict[str, Any], problem: str) -> None:
    (read,) = read_pods([pod(**status)])
    assert read.problem == problem


def test_failure_details_end_with_the_cause() -> None:
    conditions = [
        {"type": "IngressReady", "status": "True"},
        {"type": "PredictorReady", "status": "False", "reason": "RevisionFailed", "message": "no"},
        {"type": "Stopped", "status": "False"},
    ]
    failed = {"reason": "ModelLoadFailed", "message": "no such bucket"}
    service = {
        "metadata": {"name": "toy"},
        "status": {"conditions": conditions, "modelStatus": {"lastFailureInfo": failed}},
    }
    pods = read_pods([pod(containerStatuses=server(state={"waiting": {"reason": "CrashLoop"}}))])
    events = [f"Event{number}: said" for number in range(9)]
    assert failure_details(service, pods, events).splitlines() == [
        "",
        "PredictorReady is False: RevisionFailed: no",
        *events[-5:],
        "pod toy-1: kserve-container CrashLoop",
        "ModelLoadFailed no such bucket",
    ]
    assert failure_details(None, (), ()) == "\nThe InferenceService does not exist."
