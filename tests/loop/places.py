"""Fixtures of the loop and of its bad days: what takes a run to make is made once and cloned."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.local.machine import Machine
from pipelines.local.processes import stop_orphan
from pipelines.local.results import RunResult
from pipelines.replay.traffic import TrafficStats
from tests.loop.stage import TRAIN_AND_DEPLOY, Stage, code_at_rest
from tests.loop.turbines import World, day

TRAINED_ON = 42
MOVED_ON = 49
STEADY = World(days=44)
# The log-odds of a stop rise by far, and later fall back.
MOVING = World(days=67, moves=((MOVED_ON, 1.6), (63, 0.0)))
_KILL_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Deployed:
    """A stage and the run that deployed there."""

    stage: Stage
    run: RunResult


@dataclass(frozen=True)
class Watched:
    """A stage whose champion was asked for every row since it was made."""

    stage: Stage
    stats: TrafficStats


@dataclass(frozen=True)
class Killed:
    """A run that was killed while it trained, and went on."""

    stage: Stage
    again: RunResult


class Stages:
    """Makes stages and, at the end, stops whatever serves there."""

    def __init__(self, root: Path, machine: Machine) -> None:
        self._root, self._machine = root, machine
        self._made: list[Stage] = []

    def make(self, world: World, changes: dict[str, Any] | None = None) -> Stage:
        return self._keep(Stage.make(self._next(), self._machine, world, changes))

    def clone(
        self,
        stage: Stage,
        world: World | None = None,
        changes: dict[str, Any] | None = None,
        *,
        log: bool = False,
    ) -> Stage:
        return self._keep(stage.clone(self._next(), world, changes, log=log))

    def stop(self) -> None:
        for stage in self._made:
            stage.stop()

    def _next(self) -> Path:
        return self._root / f"stage-{len(self._made) + 1}"

    def _keep(self, stage: Stage) -> Stage:
        self._made.append(stage)
        return stage


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return code_at_rest(tmp_path_factory.mktemp("code"))


@pytest.fixture
def stages(tmp_path: Path, machine: Machine) -> Iterator[Stages]:
    made = Stages(tmp_path, machine)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def lasting_stages(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[Stages]:
    made = Stages(tmp_path_factory.mktemp("lasting"), machine)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def deployed(lasting_stages: Stages) -> Deployed:
    """The first model, promoted and then put to sleep."""
    stage = lasting_stages.make(STEADY)
    result = stage.run(day(TRAINED_ON), run_id="first")
    stage.stop()
    return Deployed(stage, result)


@pytest.fixture(scope="session")
def watched(deployed: Deployed, lasting_stages: Stages) -> Watched:
    """A week as it was, and two of a world that has moved, asked for over HTTP."""
    stage = lasting_stages.clone(deployed.stage, MOVING)
    stage.wake()
    traffic = stage.send(stage.requests(TRAINED_ON, 63))
    stage.stop()
    return Watched(stage, traffic.stats)


@pytest.fixture(scope="session")
def killed(deployed: Deployed, lasting_stages: Stages) -> Killed:
    """A retraining a day after the champion's own, whose runner died on the way."""
    stage = lasting_stages.clone(deployed.stage)
    folder = stage.root / "runs" / "runs" / "killed"
    try:
        _kill_while_training(stage, folder)
        again = stage.run(day(TRAINED_ON + 1), run_id=folder.name)
    finally:
        for file in folder.rglob("pid"):
            stop_orphan(file, str(file.parent))
    return Killed(stage, again)


def _kill_while_training(stage: Stage, folder: Path) -> None:
    """Kills a runner without any chance to clean up, while one of its steps trains."""
    command = [sys.executable, "-m", "pipelines.cli", "pipeline", "run", str(TRAIN_AND_DEPLOY)]
    given = {"model": str(stage.model), "as_of": day(TRAINED_ON + 1)}
    command += [word for name, value in given.items() for word in ("--param", f"{name}={value}")]
    command += ["--workspace", str(stage.root / "runs"), "--run-id", folder.name, "--no-cache"]
    log = stage.root / "killed.txt"
    with log.open("wb") as output:
        runner = subprocess.Popen(
            [*command, "--code", str(stage.machine.code)], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + _KILL_TIMEOUT_S
        while not (training := [*folder.rglob("train/pid")]):
            assert runner.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "it never began to train"
            time.sleep(0.05)
        time.sleep(1.0)
        assert training[0].exists(), "it had trained already"
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait()


def envs_of_checkout() -> None:
    """What `make` says: where the images' environments are."""
    os.environ.setdefault("RATOON_ENVS", str(Path(__file__).parents[2] / ".venv"))
