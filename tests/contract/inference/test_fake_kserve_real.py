"""The fake of KServe's controller on a real API server, with KServe's own schema."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.ops.cluster.connection import connect
from components.ops.targets.local.servers import COMMAND_VARIABLE
from tests.cluster.installing import Installer
from tests.contract.cluster.cluster_factories import KUBECONFIG, install_kinds, real_kubeconfig
from tests.contract.inference.kserve_harness import NAMESPACE, ROOT, KServeHarness, make_toy, until
from tests.fakes.controller_client import ControllerClient
from tests.fakes.kserve_controller import Controller
from tests.needs import skip_or_fail

SERVER = ROOT / "tests" / "unit" / "ops" / "targets" / "fake_model_server.py"
OPTIONS = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
BODY = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with real_kubeconfig(tmp_path_factory.mktemp("control-plane")) as found:
        if isinstance(found, str):
            skip_or_fail(found)
        install_kinds(found)
        Installer(connect({KUBECONFIG: str(found)})).namespace(NAMESPACE)
        yield found


def test_a_rollout_on_a_real_api_server(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMAND_VARIABLE, json.dumps([sys.executable, str(SERVER), *OPTIONS]))
    for version in ("v1", "v2", "v3"):
        make_toy(tmp_path / "toys" / version, version, start_fails=version == "v3")
    client = ControllerClient.of(kubeconfig, "kserve-controller")
    controller = Controller(client, tmp_path / "fakes").start()
    try:
        harness = KServeHarness(
            connect({KUBECONFIG: str(kubeconfig)}), tmp_path / "toys", tmp_path / "log"
        )
        apply(harness, "v1")
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        apply(harness, "v2", canaryTrafficPercent=20)
        until(lambda: harness.revisions()["Ready"] == "2", "v2 is ready")
        assert harness.traffic() == [("2", 20, "latest"), ("1", 80, "prev")]
        assert set(harness.predict(60, body=BODY)) == {"v1", "v2"}
        apply(harness, "v2")
        until(lambda: set(harness.pods()) == {"v2"}, "v2 alone")
        apply(harness, "v3", canaryTrafficPercent=0)
        until(lambda: harness.condition("Ready") == "False", "v3 fails")
        failure = harness.status()["modelStatus"]["lastFailureInfo"]
        assert "SavedModel file does not exist" in failure["message"]
        assert set(harness.predict(3, body=BODY)) == {"v2"}
    finally:
        controller.stop()


def apply(harness: KServeHarness, version: str, **predictor: int) -> None:
    annotations = {"ratoon.dev/version": version, "serving.kserve.io/enable-tag-routing": "true"}
    harness.apply(harness.predictor(version, **predictor), annotations)
