"""Three API servers to hold the protocol against: in memory, over HTTP, and a real one."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from components.core.errors import ApiRejected
from components.ops.cluster.connection import connect
from components.ops.cluster.errors import ApiCall, RbacRule
from components.ops.cluster.protocol import CONFIG_MAP, INFERENCE_SERVICE, KubeClient
from tests.cluster.control_plane import ASSETS, MISSING, assets, control_plane
from tests.cluster.installing import Installer, crd_files
from tests.fakes.api_server import ApiServer, User
from tests.fakes.controller_client import ControllerClient
from tests.fakes.memory import MemoryKubeClient
from tests.fakes.schemas import inference_services

KUBECONFIG = "RATOON_KUBECONFIG"
LIMITED = "limited"
CANARY = False


class ClusterFactory(Protocol):
    """One API server with a namespace for one test."""

    namespace: str
    calls: list[ApiCall]

    def cluster(self, manager: str = "ratoon") -> KubeClient:
        """As somebody who may do everything."""

    def limited(self, rules: Sequence[RbacRule]) -> KubeClient:
        """As a service account named ``limited`` that may do just this."""

    def controller(self) -> Any:
        """With `set_status` and `watch_all`."""


@dataclass
class InMemory:
    namespace: str
    calls: list[ApiCall] = field(default_factory=list)
    root: MemoryKubeClient = field(default_factory=MemoryKubeClient)

    def __post_init__(self) -> None:
        self.root.store.namespaces = {self.namespace}

    def cluster(self, manager: str = "ratoon") -> KubeClient:
        return MemoryKubeClient(self.root.store, manager, self.calls.append)

    def limited(self, rules: Sequence[RbacRule]) -> KubeClient:
        name = f"system:serviceaccount:{self.namespace}:{LIMITED}"
        user = User(name, tuple(rules))
        return MemoryKubeClient(self.root.store, user=user.name, allows=user.may)

    def controller(self) -> MemoryKubeClient:
        return self.root.acting_as("controller")


@dataclass
class OverHttp:
    namespace: str
    server: ApiServer
    folder: Path
    calls: list[ApiCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.store.namespaces = {self.namespace}
        self.file = self.server.kubeconfig(self.folder / "kubeconfig")

    def cluster(self, manager: str = "ratoon") -> KubeClient:
        return connect({KUBECONFIG: str(self.file)}, observe=self.calls.append, manager=manager)

    def limited(self, rules: Sequence[RbacRule]) -> KubeClient:
        name = f"system:serviceaccount:{self.namespace}:{LIMITED}"
        self.server.users["limited-token"] = User(name, tuple(rules))
        file = self.server.kubeconfig(self.folder / "limited", "limited-token")
        return connect({KUBECONFIG: str(file)})

    def controller(self) -> ControllerClient:
        return ControllerClient.of(self.file)


@dataclass
class Real:
    namespace: str
    file: Path
    folder: Path
    calls: list[ApiCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admin = Installer(connect({KUBECONFIG: str(self.file)}))
        self.admin.namespace(self.namespace)

    def cluster(self, manager: str = "ratoon") -> KubeClient:
        return connect({KUBECONFIG: str(self.file)}, observe=self.calls.append, manager=manager)

    def limited(self, rules: Sequence[RbacRule]) -> KubeClient:
        always = RbacRule("", "configmaps", ("get",))
        token = self.admin.account(self.namespace, LIMITED, [*rules, always])
        file = _with_token(self.file, token, self.folder / "limited")
        cluster = connect({KUBECONFIG: str(file)})
        _wait_bound(cluster, self.namespace)
        return cluster

    def controller(self) -> ControllerClient:
        return ControllerClient.of(self.file)


def new_namespace() -> str:
    """A name that no other test has."""
    return f"contract-{uuid.uuid4().hex[:8]}"


@contextlib.contextmanager
def real_kubeconfig(folder: Path) -> Iterator[Path | str]:
    """A kubeconfig of an administrator; or the reason why there is none."""
    programs, named = assets(), os.environ.get(KUBECONFIG)
    if named and ASSETS not in os.environ:
        yield Path(named)
    elif programs:
        with control_plane(programs, folder) as plane:
            yield plane.kubeconfig
    else:
        yield f"{MISSING}; {KUBECONFIG} names no cluster"


def install_kinds(kubeconfig: Path) -> None:
    """InferenceService: as KServe publishes it, where the file is there; else a part of it."""
    admin = Installer(connect({KUBECONFIG: str(kubeconfig)}))
    files = crd_files("serving.kserve.io_inferenceservices.yaml")
    if files:
        admin.crds(files)
    else:
        admin.crd(_small_crd())


def _small_crd() -> dict[str, Any]:
    kind = INFERENCE_SERVICE
    names = {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.lower()}
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": inference_services(canary=CANARY)},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _with_token(kubeconfig: Path, token: str, file: Path) -> Path:
    """The same cluster, as somebody else."""
    said = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    for user in said["users"]:
        user["user"] = {"token": token}
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


def _wait_bound(cluster: KubeClient, namespace: str) -> None:
    """A new binding is known to the API server's authorizer after a moment."""
    ends = time.monotonic() + 10
    while True:
        try:
            cluster.get(CONFIG_MAP, namespace, "none")
            return
        except ApiRejected:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
