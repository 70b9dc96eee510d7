"""What goes wrong under the fake goes wrong as on a cluster, with small real servers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import httpx
import pytest

from components.ops.cluster.connection import connect
from components.ops.cluster.protocol import INFERENCE_SERVICE, POD
from components.ops.targets.local import processes
from components.ops.targets.local.servers import COMMAND_VARIABLE
from tests.contract.inference.kserve_harness import (
    NAME,
    NAMESPACE,
    ROOT,
    KServeHarness,
    address_of,
    make_toy,
    until,
)
from tests.fakes import api_server
from tests.fakes.controller_client import ControllerClient
from tests.fakes.kserve_controller import Controller
from tests.fakes.memory import MemoryKubeClient
from tests.needs import skip_or_fail
from tests.unit.ops.store.store_factories import s3_server

SERVER = ROOT / "tests" / "unit" / "ops" / "targets" / "fake_model_server.py"
OPTIONS = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
BODY = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]}


@pytest.fixture(autouse=True)
def small_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMMAND_VARIABLE, json.dumps([sys.executable, str(SERVER), *OPTIONS]))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """In place of those that our own server loads."""
    for version in ("v1", "v2"):
        make_toy(tmp_path / "toys" / version, version)
    return tmp_path / "toys"


def apply(harness: KServeHarness, version: str, uri: str | None = None, **predictor: int) -> None:
    annotations = {"ratoon.dev/version": version, "serving.kserve.io/enable-tag-routing": "true"}
    harness.apply(harness.predictor(version, uri, **predictor), annotations)


def answered(harness: KServeHarness, requests: int = 3) -> set[str]:
    return set(harness.predict(requests, body=BODY))


def test_a_canary_is_rolled_back(harness_of: Callable) -> None:
    with harness_of("knative") as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        apply(harness, "v2", canaryTrafficPercent=50)
        until(lambda: harness.revisions()["Ready"] == "2", "v2 is ready")

        # The old model again is a revision of its own, at no share until it is ready.
        apply(harness, "v1", canaryTrafficPercent=0)
        until(lambda: harness.revisions()["Ready"] == "3", "v1 is ready again")
        assert harness.traffic() == [("3", 0, "latest"), ("1", 100, "prev")]
        apply(harness, "v1")
        until(lambda: harness.revisions()["Rolledout"] == "3", "rolled out")
        until(lambda: set(harness.pods()) == {"v1"}, "no pod of v2 is left")
        assert answered(harness) == {"v1"}


def test_rolled_back_at_once_the_canary_gets_everything_meanwhile(
    harness_of: Callable, tmp_path: Path
) -> None:
    slow = make_toy(tmp_path / "slow", "v1", ready_after_s=2)
    with harness_of("knative") as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        apply(harness, "v2", canaryTrafficPercent=50)
        until(lambda: harness.revisions()["Ready"] == "2", "v2 is ready")

        apply(harness, "v1", uri=slow)
        until(
            lambda: harness.traffic() == [("2", 100, "latest")], "as Knative understands 'latest'"
        )
        assert answered(harness) == {"v2"}
        until(lambda: harness.revisions()["Rolledout"] == "3", "v1 again")


def test_a_server_that_does_not_start(harness_of: Callable, tmp_path: Path) -> None:
    broken = make_toy(tmp_path / "broken", "v2", start_fails=True)
    with harness_of("knative") as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        apply(harness, "v2", uri=broken, canaryTrafficPercent=0)
        until(lambda: harness.condition("Ready") == "False", "it fails")
        until(lambda: restarts(harness, "v2") > 1, "it is started again and again")

        found = {c["type"]: c.get("message", "") for c in harness.status()["conditions"]}
        assert "SavedModel file does not exist" in found["PredictorReady"]
        failure = harness.status()["modelStatus"]["lastFailureInfo"]
        assert "SavedModel file does not exist" in failure["message"]
        pod = harness.pods()["v2"]
        container = pod["status"]["containerStatuses"][0]
        assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert "SavedModel" in container["lastState"]["terminated"]["message"]
        said = harness.cluster.events(NAMESPACE, pod["metadata"]["name"])
        assert said[0].startswith("BackOff: Back-off restarting failed container")
        assert answered(harness) == {"v1"}


def test_a_store_that_has_no_such_model(harness_of: Callable, tmp_path: Path) -> None:
    with harness_of("standard") as harness:
        apply(harness, "v1", uri=f"file://{tmp_path}/none")
        until(lambda: "modelStatus" in harness.status() and restarts(harness, "v1") > 0, "it fails")

        assert harness.condition("Ready") == "False"
        statuses = harness.pods()["v1"]["status"]["initContainerStatuses"]
        assert statuses[0]["name"] == "storage-initializer"
        assert "no such folder" in statuses[0]["lastState"]["terminated"]["message"]


def test_a_model_comes_from_s3(
    harness_of: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (ROOT / ".venv" / "ops").exists():
        skip_or_fail("there is no .venv/ops, whose client reads from s3")
    make_toy(tmp_path / "made", "v1")
    with s3_server(tmp_path / "log") as url, harness_of("standard") as harness:
        for name, value in (("ENDPOINT_URL", url), ("REGION", "us-east-1")):
            monkeypatch.setenv(f"AWS_{name}", value)
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
            monkeypatch.setenv(f"AWS_{name}", "of-the-test")
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="models")
        for file in (tmp_path / "made").iterdir():
            client.upload_file(str(file), "models", f"small/v1/{file.name}")
        client.put_object(Bucket="models", Key="small/v1/published.json", Body=b"{}")
        apply(harness, "v1", uri="s3://models/small/v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        assert answered(harness) == {"v1"}


def test_a_rolling_update_that_fails_leaves_the_old_one(
    harness_of: Callable, tmp_path: Path
) -> None:
    broken = make_toy(tmp_path / "broken", "v2", start_fails=True)
    with harness_of("standard", progress_deadline_s=2.0) as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        apply(harness, "v2", uri=broken)
        until(lambda: harness.condition("Ready") == "False", "the deadline has passed")
        found = {c["type"]: c.get("reason") for c in harness.status()["conditions"]}
        assert found["PredictorReady"] == "ProgressDeadlineExceeded"
        assert answered(harness) == {"v1"}

        pod = harness.pods()["v1"]["metadata"]["name"]
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "back")
        assert harness.pods()["v1"]["metadata"]["name"] == pod


def test_a_server_that_dies_is_started_again(harness_of: Callable) -> None:
    with harness_of("standard-canary") as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        os.kill(pid_of(harness, "v1"), signal.SIGKILL)
        until(lambda: harness.condition("Ready") == "False", "it is missed")
        until(lambda: harness.condition("Ready") == "True", "it is back")

        assert restarts(harness, "v1") == 1
        assert answered(harness) == {"v1"}
        said = harness.cluster.events(NAMESPACE, NAME)
        assert [one.partition(":")[0] for one in said].count("InferenceServiceNotReady") == 1


def test_a_deleted_service_takes_everything_with_it(harness_of: Callable) -> None:
    with harness_of("knative") as harness:
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        url, pid = harness.status()["url"], pid_of(harness, "v1")
        harness.cluster.delete(INFERENCE_SERVICE, NAMESPACE, NAME)
        until(lambda: not harness.cluster.list(POD, NAMESPACE, {}), "its pods have ended")

        assert not cmdline(pid)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/-/ready", trust_env=False)


def test_what_is_no_inference_service_stops_nothing(harness_of: Callable) -> None:
    with harness_of("knative") as harness:
        harness.apply({"minReplicas": 1}, name="without-a-model")
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")


def test_a_killed_fake_is_swept_up_by_the_next(harness_of: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "fakes" / "services" / NAMESPACE / NAME
    folder.mkdir(parents=True)
    left = processes.start(("sleep", "600"), {}, tmp_path / "log", folder)
    with harness_of("knative"):
        assert not processes.is_running(left)


def test_the_whole_fake_cluster(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    command = (sys.executable, "-m", "tests.fakes", "--folder", str(folder))
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        until(lambda: (folder / "env").exists(), "its address")
        said = dict(line.split("=", 1) for line in (folder / "env").read_text().splitlines())
        harness = KServeHarness(connect(said), models, tmp_path / "log")
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        assert answered(harness) == {"v1"}
        health = f"{said['KF_PIPELINES_ENDPOINT']}/apis/v2beta1/healthz"
        assert httpx.get(health, trust_env=False).status_code == 200
    finally:
        process.terminate()
        assert process.wait(30) == 0

    assert not (folder / "env").exists()
    assert processes.find_processes(folder / "services" / NAMESPACE / NAME) == ()


def test_an_api_server_that_is_away_for_a_while(models: Path, tmp_path: Path) -> None:
    with api_server.running() as server:
        client = ControllerClient.of(server.kubeconfig(tmp_path / "kubeconfig"))
        controller = Controller(client, tmp_path / "fakes").start()
        try:
            harness = KServeHarness(MemoryKubeClient(server.store), models, tmp_path / "log")
            server.faults.away(for_s=2.0)
            apply(harness, "v1")
            time.sleep(2.0)
            until(lambda: harness.condition("Ready") == "True", "v1 is ready")
            assert answered(harness) == {"v1"}
        finally:
            controller.stop()


def restarts(harness: KServeHarness, version: str) -> int:
    status = harness.pods()[version].get("status", {}) if version in harness.pods() else {}
    kinds = ("containerStatuses", "initContainerStatuses")
    return sum(one["restartCount"] for kind in kinds for one in status.get(kind, ()))


def pid_of(harness: KServeHarness, version: str) -> int:
    port = address_of(harness.pods()[version]).rpartition(":")[2]
    found = subprocess.run(
        ("pgrep", "-f", f"fake_model_server.py.*--port {port}"), capture_output=True, check=True
    )
    return int(found.stdout.split()[0])


def cmdline(pid: int) -> bytes:
    """Of a process; one that ended has none."""
    file = Path(f"/proc/{pid}/cmdline")
    return file.read_bytes() if file.exists() else b""
