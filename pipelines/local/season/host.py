"""Where a season serves: processes of this machine, or a cluster's InferenceService."""

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Protocol

from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.deploy.targets import connect
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.deploy.targets.local.stop import stop
from components.ops.deploy.targets.local.target import LocalTarget
from components.ops.deploy.targets.protocol import Target
from components.ops.schedule.installation import surroundings
from components.ops.schedule.kubeflow_http import Access
from pipelines.local.recurring import PIPELINES, run_due, run_recurring
from pipelines.local.result import Observer, RunResult
from pipelines.local.season.places import check_cleared
from pipelines.submission.server import KfpServer
from pipelines.submission.upload import read_compiled, upload


class Host(Protocol):
    """What a season asks of the place where its model serves."""

    @property
    def target(self) -> Target:
        """The place itself."""

    @property
    def stays(self) -> bool:
        """Whether what serves is this machine's own, for people to ask and to stop."""

    def clear(self) -> None:
        """Begins with a place where nothing serves."""

    def wake(self) -> None:
        """Brings back what served when an interrupted season goes on."""

    def run_due(
        self, instant: datetime, workspace: Path, observer: Observer
    ) -> tuple[RunResult, ...]:
        """Runs the monitoring run that is due at an instant."""


class LocalHost:
    """Servers of this machine, and the schedule in their folder."""

    stays = True

    def __init__(self, spec: Spec) -> None:
        self.folder = parse_place(spec.serving.target).folder
        check_cleared(self.folder)
        self.target = LocalTarget(parse_place(spec.serving.target), spec.name)

    def clear(self) -> None:
        """Ends what an earlier season left serving."""
        stop(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wake(self) -> None:
        """Starts the servers again where they do not run."""
        self.target.ensure_serving()

    def run_due(
        self, instant: datetime, workspace: Path, observer: Observer
    ) -> tuple[RunResult, ...]:
        """Runs what the folder's schedule says is due."""
        return run_due(self.folder, instant, workspace, observer)


class ClusterHost:
    """A cluster that serves, and the recurring run that its KFP API keeps."""

    stays = False

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.target = connect(spec.serving.target, spec.name)

    def clear(self) -> None:
        """Uploads the pipelines that the recurring run is pinned to.

        Raises:
            InputError: A model serves there: a season never takes one away.
            ClusterError: Kubeflow Pipelines did not answer, or refused.
        """
        champion = self.target.champion()
        if champion is not None:
            raise InputError(
                f"serving.target {self.spec.serving.target}",
                f"a place where version {champion.version} serves",
                "a namespace where no model of this name serves",
                "Give the season a namespace of its own.",
            )
        server = KfpServer(Access.of(os.environ).endpoint, surroundings().namespace)
        tuple(upload(server, PIPELINES, read_compiled(PIPELINES)))

    def wake(self) -> None:
        """The cluster keeps it up."""

    def run_due(
        self, instant: datetime, workspace: Path, observer: Observer
    ) -> tuple[RunResult, ...]:
        """Runs on this machine what the recurring run would start at an instant."""
        return run_recurring(self.spec.name, instant, workspace, observer)


def host_of(spec: Spec) -> Host:
    """The host that a spec's target names.

    Raises:
        InputError: The target cannot be used.
    """
    return LocalHost(spec) if spec.serving.target.startswith(SCHEME) else ClusterHost(spec)
