"""Monitors that meet, that have nothing to judge, or that nobody tells the truth."""

import subprocess
import sys
from dataclasses import replace

from components.core import audit
from components.core.spans import parse_instant
from pipelines.local.results import RunResult
from tests.loop.places import MOVED_ON, MOVING, TRAINED_ON, Deployed, Stages, Watched
from tests.loop.stage import MONITOR, Stage
from tests.loop.turbines import day

# A retraining that starts is stopped at validate, which is all that these tests need of it.
_STOPPED = {"history": {"min_spans": 1_000}}


def test_two_at_once_start_one_retraining(watched: Watched, stages: Stages) -> None:
    stage = stages.clone(watched.stage, changes=_STOPPED, log=True)
    runners = [_start(stage, name) for name in ("one", "other")]
    try:
        outputs = [runner.communicate(timeout=300)[0] for runner in runners]
    finally:
        for runner in runners:
            runner.terminate()  # it ends its steps
            runner.wait()
    # One alerts, and a gate stops the other's retraining: both are verdicts that say no.
    assert [runner.returncode for runner in runners] == [3, 3], outputs
    judged = {e.decision: e for e in stage.entries("monitor") if e.run in ("one", "other")}
    assert set(judged) == {"retrain", "alert"}
    assert "cool-down" in judged["alert"].reason
    (claimed,) = audit.retrainings(stage.audit_uri)
    assert claimed.run == judged["retrain"].run
    started = [e.run for e in stage.entries("validate") if e.as_of == parse_instant(day(63))]
    assert started == [claimed.run]


def test_without_traffic(deployed: Deployed, stages: Stages) -> None:
    stage = stages.clone(deployed.stage, MOVING)
    done = stage.run(day(MOVED_ON), MONITOR)
    assert done.step("monitor").decision == "insufficient"
    _check_nothing_started(stage, done)


def test_without_labels(watched: Watched, stages: Stages) -> None:
    """The same week that is healthy where its labels came in."""
    stage = stages.clone(watched.stage, replace(MOVING, silent_from=TRAINED_ON), log=True)
    done = stage.run(day(MOVED_ON), MONITOR)
    judged = done.step("monitor")
    assert judged.decision in ("insufficient", "alert")
    assert "label" in judged.reason
    _check_nothing_started(stage, done)


def _check_nothing_started(stage: Stage, run: RunResult) -> None:
    assert not [name for name in run.steps if "/" in name]
    assert audit.retrainings(stage.audit_uri) == ()


def _start(stage: Stage, run_id: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines.cli", "pipeline", "run", str(MONITOR), "--no-cache"]
    command += ["--param", f"model={stage.model}", "--param", f"as_of={day(63)}"]
    command += ["--workspace", str(stage.root / "runs"), "--run-id", run_id]
    return subprocess.Popen(
        [*command, "--code", str(stage.machine.code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
