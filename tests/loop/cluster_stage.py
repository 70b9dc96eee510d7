"""A stage whose model serves on a fake cluster: the same pipelines, another target."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.core.spec.load import merge
from components.ops.targets import connect
from pipelines.local.machine import Machine
from pipelines.submission.server import connect_server
from pipelines.submission.submit import read_compiled, upload
from tests.fakes.cluster import KFP, FakeCluster, fake_cluster
from tests.fakes.kserve_controller import Mode
from tests.loop.stage import PIPELINES, Stage
from tests.loop.turbines import NAME, World, spec_of, write_model, write_world

TARGET = "kserve://ratoon"


class ClusterStage(Stage):
    """A place whose champion is an InferenceService."""

    @property
    def target(self) -> str:
        """As the spec has it."""
        return TARGET

    @property
    def url(self) -> str:
        """Where predictions are asked for: the address that KServe gives the service."""
        return f"{connect(self.target, NAME).address}/v2/models/{NAME}/infer"

    def respell(self, changes: Mapping[str, Any]) -> None:
        """Writes the model's folder with a few fields of the spec changed."""
        store = {"serving": {"store": f"file://{self.root}/store"}}
        write_model(self.model, spec_of(self.root, self.target), merge(store, changes))


@contextmanager
def cluster_stage(
    root: Path, machine: Machine, world: World, mode: Mode, environment: pytest.MonkeyPatch
) -> Iterator[tuple[ClusterStage, FakeCluster]]:
    """A stage, and the cluster that it serves on, both pipelines uploaded."""
    with fake_cluster(root / "cluster", mode) as running:
        for name, value in running.environment.items():
            environment.setenv(name, value)
        with connect_server(running.environment[KFP]) as server:
            assert len(tuple(upload(server, PIPELINES, read_compiled(PIPELINES)))) == 2
        stage = ClusterStage(root, machine, 0, world)
        write_world(root, world)
        stage.respell({})
        yield stage, running
