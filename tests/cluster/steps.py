"""The steps of a pipeline that speak to a cluster, run as they are, with a small model server."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.core.plan import Champion
from components.core.verdict import Verdict
from components.ops.cluster import connection
from components.ops.cluster.errors import ApiCall
from components.ops.deploy import run as deploying
from components.ops.rollout import manual
from components.ops.rollout import run as rolling
from components.ops.targets import connect, read_champion
from components.ops.targets.local.servers import COMMAND_VARIABLE
from tests.unit.ops.targets.serving_factories import MODEL, Clients, make_model, make_plan

SERVER = Path(__file__).with_name("model_server.py")
_OPTIONS = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
_STEPS = {
    "steps": ["50%"],
    "min_requests": 20,
    "timeout": "40s",
    "max_p99": "3s",
    "max_latency_ratio": 50,
}


@dataclass(frozen=True)
class Steps:
    """One model's steps, by a target.

    Attributes:
        root: For models, artifacts, store and log.
        target: As a spec has it.
        environment: Of the test.
    """

    root: Path
    target: str
    environment: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        command = [sys.executable, str(SERVER), *_OPTIONS]
        self.environment.setenv(COMMAND_VARIABLE, json.dumps(command))

    def champion(self) -> Champion | None:
        """What the step plan reads."""
        return read_champion(self.target, MODEL)

    def deploy(
        self,
        version: str,
        behaviour: dict[str, object] | None = None,
        ready_s: float = 40,
        planned: Champion | None = None,
    ) -> Verdict:
        """The step deploy; `planned` is another champion than the one that serves."""
        plan = self._plan(planned or self.champion())
        model = make_model(self.root, version, **(behaviour or {}))
        made = self.root / f"deployment-{version}"
        outputs = deploying.DeployOutputs(made, self.root / "deploy.html")
        return deploying.deploy(plan, model, f"run-{version}", outputs, ready_s)

    def roll_out(self, version: str, asked: bool = False, **changes: Any) -> Verdict:
        """The step rollout, while clients ask for predictions or not."""
        plan = self._plan(self.champion(), **changes)
        outputs = rolling.RolloutOutputs(self.root / "rollout", self.root / "rollout.html")
        address = connect(self.target, MODEL).address
        with Clients(str(address), 2, 0.01) if asked else nullcontext():
            return rolling.roll_out(
                plan, self.root / f"deployment-{version}", f"run-{version}", outputs, 0.1
            )

    def decide(self, version: str, *, reject: bool = False) -> None:
        """What a person does who approves or rejects."""
        manual.decide(connect(self.target, MODEL), version, reject=reject, reason="by hand")

    def _plan(self, champion: Champion | None, **changes: Any) -> Path:
        serving = {"store": f"file://{self.root}/store", "ready_timeout": "40s"}
        given = {"canary": _STEPS, **changes}
        return make_plan(self.root, self.target, champion, serving=serving, **given)


@contextmanager
def recorded(environment: pytest.MonkeyPatch) -> Iterator[list[ApiCall]]:
    """Every call that goes through the API client meanwhile."""
    calls: list[ApiCall] = []
    with environment.context() as inner:
        inner.setattr(connection, "connect", partial(connection.connect, observe=calls.append))
        yield calls
