"""Runs one step as a process in its image's virtualenv, or reuses what it made before."""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import dsl
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from components.core.digest import digest_of
from components.core.errors import InputError
from pipelines.local.graph import StepCall
from pipelines.local.machine import Machine, digest_artifact
from pipelines.local.processes import StepProcesses, ended_by_input_error, follow_log, stop_orphan
from pipelines.local.records import ArtifactRecord, RunFolder, StepRecord, write_json
from pipelines.local.results import RunObserver, StepResult


@dataclass
class TaskHandler:
    """Everything that the steps of one run share.

    Attributes:
        cache: Folder of records that runs share; None to share none.
        digests: Of artifacts made so far, by address.
        code_digests: Of Ratoon's own code, by image.
    """

    machine: Machine
    folder: RunFolder
    cache: Path | None
    observer: RunObserver
    processes: StepProcesses = field(default_factory=StepProcesses)
    results: dict[str, StepResult] = field(default_factory=dict)
    digests: dict[str, str | None] = field(default_factory=dict)
    code_digests: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, name: str, call: StepCall) -> dict[str, Any] | None:
        """Runs a step, unless the same work was done before; its outputs, or None if it failed."""
        key = self._key(call)
        files = [self.folder.path / call.path / "finished.json"]
        # Caching off in the pipeline: the step reads the world, which no key knows.
        if self.cache and call.task.caching_options.enable_cache:
            files.append(self.cache / f"{key}.json")
        found = next(filter(None, (StepRecord.read(file, key) for file in files)), None)
        record = found or self._run_attempts(name, call, key)
        if record is None:
            return None
        for file in files:
            write_json(file, asdict(record))
        self.digests |= {a.uri: a.digest for a in record.artifacts.values()}
        self._tell_finished(_to_result(name, record, reused=found is not None))
        return record.outputs()

    def _key(self, call: StepCall) -> str:
        artifacts = {
            name: [
                [a.type.schema_title, json_format.MessageToDict(a.metadata), self._digest(a.uri)]
                for a in given.artifacts
            ]
            for name, given in call.executor_input.inputs.artifacts.items()
        }
        return digest_of(
            {
                "component": json_format.MessageToDict(call.component),
                "container": json_format.MessageToDict(call.container),
                "code": self._code_digest(call.container.image),
                "parameters": call.inputs.get("inputs", {}).get("parameterValues", {}),
                "artifacts": artifacts,
            }
        )

    def _digest(self, uri: str) -> str | None:
        if uri not in self.digests:
            self.digests[uri] = digest_artifact(uri)
        return self.digests[uri]

    def _code_digest(self, image: str) -> str:
        if image not in self.code_digests:
            self.code_digests[image] = self.machine.code_digest(image)
        return self.code_digests[image]

    def _run_attempts(self, name: str, call: StepCall, key: str) -> StepRecord | None:
        folder = self.folder.path / call.path
        stop_orphan(folder / "pid", str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "log.txt"
        log.write_bytes(b"")
        started = time.monotonic()
        self._tell(self.observer.step_started, name)
        for wait_s in _waits(call.task.retry_policy):
            time.sleep(wait_s)
            code = self._run_once(name, call, folder, log)
            if code == 0:
                return _to_record(call, key, time.monotonic() - started, log)
            if self.processes.stopped or ended_by_input_error(log):
                break
        seconds = time.monotonic() - started
        self._tell_finished(StepResult(name, "failed", seconds, log, exit_code=code))
        return None

    def _run_once(self, name: str, call: StepCall, folder: Path, log: Path) -> int:
        if self.processes.stopped:
            return -signal.SIGTERM
        outputs = folder / "outputs"
        # What a stopped attempt left must not look like this one's.
        shutil.rmtree(outputs, ignore_errors=True)
        outputs.mkdir(parents=True)
        # KFP's own shell line leaves a folder behind in every step; this run's go with the run.
        scratch = self.folder.path / "tmp"
        scratch.mkdir(exist_ok=True)
        declared = {"TMPDIR": str(scratch), **{v.name: v.value for v in call.container.env}}
        environment = self.machine.environment(call.container.image, declared)
        command = call.command()
        if not command:
            accepted = "a command: on this machine no image has an entry point"
            raise InputError(f"command of step {name}", command, accepted)
        say = (
            partial(self._tell, self.observer.step_logged, name)
            if self.observer.wants_logs
            else None
        )
        with follow_log(log, say):
            return self.processes.run(
                command, environment, self.machine.directory, log, folder / "pid"
            )

    def _tell_finished(self, step: StepResult) -> None:
        self.results[step.name] = step
        self._tell(self.observer.step_finished, step)

    def _tell(self, listen: Callable[..., None], *said: object) -> None:
        with self._lock:
            listen(*said)


def _waits(policy: pb.PipelineTaskSpec.RetryPolicy) -> Iterator[float]:
    """The seconds to wait before each attempt."""
    yield 0.0
    factor = policy.backoff_factor or 2.0
    longest = policy.backoff_max_duration.seconds or 3600
    for retry in range(policy.max_retry_count):
        yield min(policy.backoff_duration.seconds * factor**retry, longest)


def _to_record(call: StepCall, key: str, seconds: float, log: Path) -> StepRecord:
    outputs = call.outputs()
    artifacts = {k: v for k, v in outputs.items() if isinstance(v, dsl.Artifact)}
    parameters = {k: v for k, v in outputs.items() if k not in artifacts}
    records = {k: ArtifactRecord.of(v) for k, v in artifacts.items()}
    return StepRecord(key, seconds, str(log), parameters, records)


def _to_result(name: str, record: StepRecord, *, reused: bool) -> StepResult:
    return StepResult(
        name,
        "reused" if reused else "succeeded",
        record.seconds,
        Path(record.log),
        parameters=record.parameters,
        artifacts={k: Path(v.uri) for k, v in record.artifacts.items()},
        metadata={k: v.metadata for k, v in record.artifacts.items()},
    )
