"""The stand-in for KServe's controller on a real API server, with KServe's own schema."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.ops.cluster.client import connect
from components.ops.deploy.targets.local.servers import COMMAND_VARIABLE
from tests.cluster.installing import Installer
from tests.contract.cluster.worlds import KUBECONFIG, install_kinds, real_kubeconfig
from tests.contract.inference.kserve_world import NAMESPACE, ROOT, World, make_toy, until
from tests.standin.controller_client import ControllerClient
from tests.standin.kserve_controller import Controller

SERVER = ROOT / "tests" / "unit" / "ops" / "deploy" / "stand_in_server.py"
OPTIONS = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
BODY = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with real_kubeconfig(tmp_path_factory.mktemp("control-plane")) as found:
        if isinstance(found, str):
            pytest.skip(found)
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
    controller = Controller(client, tmp_path / "standin").start()
    try:
        world = World(connect({KUBECONFIG: str(kubeconfig)}), tmp_path / "toys", tmp_path / "log")
        apply(world, "v1")
        until(lambda: world.condition("Ready") == "True", "v1 is ready")
        apply(world, "v2", canaryTrafficPercent=20)
        until(lambda: world.revisions()["Ready"] == "2", "v2 is ready")
        assert world.traffic() == [("2", 20, "latest"), ("1", 80, "prev")]
        assert set(world.predict(60, body=BODY)) == {"v1", "v2"}
        apply(world, "v2")
        until(lambda: set(world.pods()) == {"v2"}, "v2 alone")
        apply(world, "v3", canaryTrafficPercent=0)
        until(lambda: world.condition("Ready") == "False", "v3 fails")
        failure = world.status()["modelStatus"]["lastFailureInfo"]
        assert "SavedModel file does not exist" in failure["message"]
        assert set(world.predict(3, body=BODY)) == {"v2"}
    finally:
        controller.stop()


def apply(world: World, version: str, **predictor: int) -> None:
    annotations = {"ratoon.dev/version": version, "serving.kserve.io/enable-tag-routing": "true"}
    world.apply(world.predictor(version, **predictor), annotations)
