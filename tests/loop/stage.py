"""A place where the turbines' model lives: its data, spec, servers, prediction log and runs."""

import itertools
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from kfp import compiler, dsl
from kfp.dsl.base_component import BaseComponent

from components.core import audit
from components.core.plan import Champion
from components.data.prepare.component import prepare
from components.data.validate.component import validate
from components.ops.plan.component import plan
from components.ops.targets import read_champion
from components.ops.targets.local.processes import free_port
from components.ops.targets.local.record import LocalRecord, RecordFile
from components.ops.targets.local.serving import stop
from components.ops.targets.local.target import LocalTarget
from components.ops.targets.target_uri import parse_local_uri
from pipelines.local.machine import Machine
from pipelines.local.results import RunObserver, RunResult
from pipelines.local.runner import run
from pipelines.replay.traffic import (
    Grouping,
    ReplayRequest,
    ReplayTraffic,
    TrafficStats,
    group_requests,
)
from tests.loop.turbines import NAME, World, days_of, spec_of, write_model, write_world

PIPELINES = Path(__file__).parents[2] / "manifests" / "pipelines"
TRAIN_AND_DEPLOY, MONITOR = PIPELINES / "train-and-deploy.yaml", PIPELINES / "monitor.yaml"
# The server writes its log at least once a second.
LOG_FLUSH_S = 2.0
_PAUSE_S = 0.02
Requests = tuple[ReplayRequest, ...]


@dataclass(frozen=True)
class Stage:
    """One such place; nothing of it is shared with another.

    Attributes:
        root: The folder of everything.
        machine: The code that its steps run, which nobody edits meanwhile.
        port: Where its gateway answers.
        world: How its turbines behave.
    """

    root: Path
    machine: Machine
    port: int
    world: World

    @classmethod
    def make(
        cls, root: Path, machine: Machine, world: World, changes: Mapping[str, Any] | None = None
    ) -> Self:
        """A new place, where nothing serves."""
        stage = cls(root, machine, free_port(), world)
        write_world(root, world)
        stage.respell(changes or {})
        return stage

    @property
    def target(self) -> str:
        """As the spec has it."""
        return f"local://{self.serving}?port={self.port}"

    @property
    def serving(self) -> Path:
        """What serves, as files."""
        return self.root / "serving"

    @property
    def model(self) -> Path:
        """The model's folder."""
        return self.root / "model"

    @property
    def audit_uri(self) -> str:
        """What its runs decided."""
        return f"{self.root}/log-audit"

    def respell(self, changes: Mapping[str, Any]) -> None:
        """Writes the model's folder with a few fields of the spec changed."""
        write_model(self.model, spec_of(self.root, self.target), changes)

    def run(
        self,
        as_of: str,
        pipeline: Path = TRAIN_AND_DEPLOY,
        *,
        model: str = "",
        workspace: str = "runs",
        run_id: str | None = None,
        observer: RunObserver | None = None,
    ) -> RunResult:
        """Runs a compiled pipeline, with nothing taken from another run."""
        return run(
            pipeline,
            {"model": model or str(self.model), "as_of": as_of},
            self.root / workspace,
            run_id=run_id,
            observer=observer,
            machine=self.machine,
            cache=False,
        )

    def clone(
        self,
        root: Path,
        world: World | None = None,
        changes: Mapping[str, Any] | None = None,
        *,
        log: bool = False,
    ) -> "Stage":
        """The same champion somewhere else, stopped, over another world or with another spec.

        Args:
            root: The new folder.
            world: Instead of this one.
            changes: Of the spec.
            log: Whether the prediction log goes along.
        """
        other = Stage.make(root, self.machine, world or self.world, changes)
        shutil.copytree(self.serving, other.serving, ignore=shutil.ignore_patterns("logs"))
        shutil.copytree(self.root / "log-audit", other.root / "log-audit")
        if log:
            shutil.copytree(self.root / "log", other.root / "log")
        for file in other.serving.glob("*.json"):
            text = file.read_text().replace(self.target, other.target)
            file.write_text(text.replace(str(self.root), str(other.root)))
        record = RecordFile(other.serving)
        record.write(_asleep(record.read()))
        return other

    def champion(self) -> Champion | None:
        """What serves, by the record."""
        return read_champion(self.target, NAME)

    def wake(self) -> None:
        """Brings back what served."""
        LocalTarget(parse_local_uri(self.target), NAME).ensure_serving()

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return f"http://127.0.0.1:{self.port}/v2/models/{NAME}/infer"

    def ask(self, request: ReplayRequest) -> httpx.Response:
        """One request over HTTP."""
        return httpx.post(self.url, content=request.body, trust_env=False, timeout=30)

    def requests(self, start: int, end: int, every: str = "1h", name: str = "") -> Requests:
        """The requests of some days, those of one hour together unless it is said otherwise."""
        grouping = Grouping.model_validate({"every": every})
        return group_requests(days_of(self.world, start, end), "read_at", grouping, name or NAME)

    def send(self, requests: Requests) -> ReplayTraffic:
        """Sends them all, and waits for the log."""
        traffic = ReplayTraffic(self.url, requests)
        traffic.send_until(requests[-1].at.replace(year=2100))
        time.sleep(LOG_FLUSH_S)
        return traffic

    @contextmanager
    def asked(self, requests: Requests) -> Iterator[TrafficStats]:
        """Asks one request after the other, over and over, for as long as the context lasts."""
        stats, stop = TrafficStats(), threading.Event()

        def ask(client: httpx.Client, request: ReplayRequest) -> None:
            stats.requests, stats.rows = stats.requests + 1, stats.rows + request.rows
            try:
                answer = client.post(self.url, content=request.body)
            except httpx.TransportError:
                stats.failed += 1
                return
            version = answer.headers.get("x-ratoon-version", "")
            stats.failed += answer.status_code != httpx.codes.OK
            stats.by_version[version] = stats.by_version.get(version, 0) + 1

        def flow() -> None:
            with httpx.Client(trust_env=False, timeout=60) as client:
                for request in itertools.cycle(requests):
                    if stop.wait(_PAUSE_S):
                        return
                    ask(client, request)

        thread = threading.Thread(target=flow, name="traffic")
        thread.start()
        try:
            yield stats
        finally:
            stop.set()
            thread.join()

    def entries(self, step: str) -> tuple[audit.AuditEntry, ...]:
        """What a step decided in every run."""
        return tuple(e for e in audit.entries(self.audit_uri) if e.step == step)

    def stop(self) -> int:
        """Ends everything that serves here."""
        return stop(self.serving)


def code_at_rest(root: Path) -> Machine:
    """The code of the steps as it is now, as an image would have it."""
    here = Machine.of_checkout()
    shutil.copytree(
        here.code / "components",
        root / "components",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return Machine(envs=here.envs, code=root)


def in_image(machine: Machine, image: str, *arguments: str | Path) -> None:
    """Runs Python in the environment of an image."""
    python = machine.envs / image / "bin" / "python"
    done = subprocess.run(
        [python, *arguments],
        env=machine.environment(f"ratoon-{image}", {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def compile_pipeline(pipeline: BaseComponent, folder: Path) -> Path:
    """Compiles a part of the pipelines as a whole one."""
    file = folder / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, str(file))
    return file


@dsl.pipeline(name="plan-alone")
def plan_alone(model: str, as_of: str) -> None:
    """Only decides what a run would work on."""
    plan(
        model=model,
        as_of=as_of,
        target="",
        overlay="",
        purpose="train",
        run=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
    )


@dsl.pipeline(name="data-alone")
def data_alone(model: str, as_of: str) -> None:
    """Everything before training."""
    run = dsl.PIPELINE_JOB_NAME_PLACEHOLDER
    planned = plan(model=model, as_of=as_of, target="", overlay="", purpose="train", run=run)
    prepared = prepare(plan=planned.outputs["plan"])
    validate(plan=planned.outputs["plan"], examples=prepared.outputs["examples"], run=run)


def _asleep(record: LocalRecord | None) -> LocalRecord:
    """A record whose processes are another place's."""
    assert record is not None
    assert record.champion is not None
    champion = record.champion.model_copy(update={"server": None})
    return record.model_copy(update={"champion": champion, "gateway": None, "draining": ()})
