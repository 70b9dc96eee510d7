"""On a real API server, with the rights that the overlay installs and no others.

The kind overlay's roles, accounts and runtime are applied as they are rendered; the steps run with
a token of one service account; KServe's schemas are its own, and only its controller stands in.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.ops.cluster.connection import connect
from components.ops.cluster.errors import RbacRule
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    POD,
    Forbidden,
    KubeClient,
)
from tests.cluster.control_plane import MISSING, ControlPlane, assets, control_plane
from tests.cluster.installing import Installer, crd_files
from tests.cluster.steps import Steps
from tests.contract.cluster.objects import config_map
from tests.fakes.controller_client import ControllerClient
from tests.fakes.kserve_controller import Controller, Mode
from tests.fakes.kubeconfig import write_kubeconfig
from tests.manifests import kustomize, schemas
from tests.needs import skip_or_fail

NAMESPACE, TARGET = "ratoon", "kserve://ratoon"
DEPLOYER, PIPELINE, MODELS = "ratoon-deployer", "ratoon-pipeline", "ratoon-models"
VERSIONS: dict[Mode, str] = {"knative": "", "standard-canary": f"{schemas.NEWER}/"}
INSTALLED = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ServingRuntime": "servingruntimes",
}


@dataclass(frozen=True)
class Installed:
    """A control plane on which the overlay is installed."""

    plane: ControlPlane
    mode: Mode
    folder: Path

    def kubeconfig(self, account: str) -> Path:
        token = Installer(self.admin()).token(NAMESPACE, account)
        file = self.folder / f"{account}.kubeconfig"
        return write_kubeconfig(file, self.plane.url, token, trust=self.plane.trust)

    def admin(self):
        return connect({"RATOON_KUBECONFIG": str(self.plane.kubeconfig)})

    def as_(self, account: str) -> KubeClient:
        return connect({"RATOON_KUBECONFIG": str(self.kubeconfig(account))})


@pytest.fixture(scope="module", params=VERSIONS, ids=["KServe 0.16", "KServe 0.20"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    programs = assets()
    if programs is None:
        skip_or_fail(MISSING)
    if kustomize.program() is None:
        skip_or_fail(kustomize.MISSING)
    names = ("inferenceservices", "servingruntimes")
    files = crd_files(*(f"{VERSIONS[request.param]}serving.kserve.io_{n}.yaml" for n in names))
    if not files:
        skip_or_fail(schemas.MISSING)
    folder = tmp_path_factory.mktemp("installed")
    with control_plane(programs, folder) as plane:
        made = Installed(plane, request.param, folder)
        admin = Installer(made.admin())
        admin.crds(files)
        admin.objects(kustomize.build(kustomize.overlay("kind")), INSTALLED)
        yield made


@contextlib.contextmanager
def controller(installed: Installed, folder: Path) -> Iterator[None]:
    client = ControllerClient.of(installed.plane.kubeconfig, "kserve-controller")
    running = Controller(client, folder / "fakes", installed.mode).start()
    try:
        yield
    finally:
        running.stop()


def test_the_deployer_does_whole_rollouts_and_the_pipeline_only_reads(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story; a right that is missing anywhere ends it with `Forbidden`."""
    steps = Steps(tmp_path, TARGET, monkeypatch)

    def act_as(account: str) -> None:
        monkeypatch.setenv("RATOON_KUBECONFIG", str(installed.kubeconfig(account)))

    with controller(installed, tmp_path):
        act_as(PIPELINE)
        assert steps.champion() is None
        act_as(DEPLOYER)
        assert steps.deploy("v1").decision == "staged"
        assert steps.roll_out("v1").decision == "promoted"
        assert steps.deploy("v2").decision == "staged"
        shared = steps.roll_out("v2", asked=True)
        assert shared.decision == "promoted"
        assert [f.subject for f in shared.findings][:1] == ["50% of the traffic"]
        assert steps.deploy("v3", {"status": 500}).decision == "staged"
        taken_back = steps.roll_out("v3", asked=True)
        assert taken_back.decision == "rolled_back"
        assert "errors" in [f.code for f in taken_back.failures]
        act_as(PIPELINE)
        champion = steps.champion()
        assert champion is not None
        assert champion.version == "v2"
        with pytest.raises(Forbidden) as refused:
            steps.deploy("v4")
        missing = RbacRule("", "configmaps", ("update",)).text()
        assert f"service account '{PIPELINE}' of namespace '{NAMESPACE}'" in str(refused.value)
        assert missing in str(refused.value)
        after = steps.champion()
        assert after == champion, "what was refused changed nothing"
        act_as(MODELS)
        with pytest.raises(Forbidden, match=r"inferenceservices|configmaps"):
            steps.champion()
        act_as(DEPLOYER)
        service = connect().get(INFERENCE_SERVICE, NAMESPACE, "toy")
        assert service is not None
        # Kept clean for what comes after.
        installed.admin().delete(INFERENCE_SERVICE, NAMESPACE, "toy")


def service() -> dict[str, object]:
    predictor = {"model": {"modelFormat": {"name": "ratoon"}, "storageUri": "s3://b/1"}}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": "other", "namespace": NAMESPACE},
        "spec": {"predictor": predictor},
    }


WRITES: dict[str, tuple[RbacRule, Callable[[KubeClient], object]]] = {
    "apply a service": (
        RbacRule("serving.kserve.io", "inferenceservices", ("patch",)),
        lambda c: c.apply(INFERENCE_SERVICE, service()),
    ),
    "delete a service": (
        RbacRule("serving.kserve.io", "inferenceservices", ("delete",)),
        lambda c: c.delete(INFERENCE_SERVICE, NAMESPACE, "other"),
    ),
    "create a record": (
        RbacRule("", "configmaps", ("create",)),
        lambda c: c.create(CONFIG_MAP, config_map(NAMESPACE, "other-ratoon")),
    ),
    "list pods": (RbacRule("", "pods", ("list",)), lambda c: c.list(POD, NAMESPACE, {})),
    "list events": (RbacRule("", "events", ("list",)), lambda c: c.events(NAMESPACE, "other")),
}


@pytest.mark.parametrize("what", WRITES)
def test_what_the_pipeline_may_not_is_refused_with_the_rule(
    installed: Installed, what: str
) -> None:
    rule, call = WRITES[what]
    with pytest.raises(Forbidden) as refused:
        call(installed.as_(PIPELINE))
    assert rule.text() in str(refused.value)
    assert "403" not in str(refused.value).splitlines()[0], "a sentence, not a number"
    call(installed.as_(DEPLOYER))


def test_the_deployer_may_not_look_further(installed: Installed) -> None:
    deployer = installed.as_(DEPLOYER)
    for namespace in ("default", "kube-system"):
        with pytest.raises(Forbidden):
            deployer.get(CONFIG_MAP, namespace, "any")
    with pytest.raises(Forbidden):
        deployer.list(INFERENCE_SERVICE, NAMESPACE, {})
    with pytest.raises(Forbidden):
        deployer.delete(POD, NAMESPACE, "any")
