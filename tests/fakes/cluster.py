"""A whole cluster on this machine: API server, KServe's controller, and KFP's API."""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes import api_server
from tests.fakes.kserve_controller import Controller, Mode
from tests.fakes.memory import MemoryKubeClient
from tests.fakes.schemas import from_crds, known
from tests.fakes.store import Store

KUBECONFIG, KFP = "RATOON_KUBECONFIG", "KF_PIPELINES_ENDPOINT"


@dataclass(frozen=True)
class FakeCluster:
    """What runs.

    Attributes:
        cluster: The objects, without HTTP between.
        server: The API server over them, with its faults.
        environment: The variables by which Ratoon finds it.
    """

    cluster: MemoryKubeClient
    server: api_server.ApiServer
    environment: Mapping[str, str]


@contextmanager
def fake_cluster(
    folder: Path, mode: Mode = "knative", crds: Path | None = None
) -> Iterator[FakeCluster]:
    """Runs for as long as the context lasts; every process that it started ends with it.

    Args:
        folder: For its kubeconfig, models and logs.
        mode: How InferenceServices are deployed.
        crds: A folder of CustomResourceDefinitions; None: what Ratoon asks about alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    schemas = (
        from_crds(*sorted(crds.glob("serving.kserve.io_*.yaml")))
        if crds
        else known(mode == "standard-canary")
    )
    with ExitStack() as stack:
        server = stack.enter_context(api_server.running(Store(schemas)))
        cluster = MemoryKubeClient(server.store)
        controller = Controller(cluster.acting_as("kserve-controller"), folder, mode).start()
        stack.callback(controller.stop)
        environment = {KUBECONFIG: str(server.kubeconfig(folder / "kubeconfig").absolute())}
        if importlib.util.find_spec("aiohttp"):
            from tests.fakes import kfp_server

            environment[KFP] = stack.enter_context(kfp_server.running())
        yield FakeCluster(cluster, server, environment)
