"""The whole loop with ``kserve://``: a fake cluster, real servers, KFP over HTTP."""

from pathlib import Path

import pytest

from components.core import audit
from components.core.spans import parse_instant
from components.ops.audit.provenance import trace
from components.ops.targets import connect
from pipelines.local.machine import Machine
from pipelines.local.results import RunObserver, RunResult
from pipelines.replay.host import recurring_run, run_recurring
from tests.loop.cluster_stage import cluster_stage
from tests.loop.places import MOVED_ON, MOVING, TRAINED_ON
from tests.loop.turbines import NAME, day


def test_the_loop_closes_on_a_cluster(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story, for each part of it needs the one before."""
    with cluster_stage(tmp_path, machine, MOVING, "knative", monkeypatch) as (stage, _):
        first_run = stage.run(day(TRAINED_ON), run_id="first")
        decided = {name: step.decision for name, step in first_run.steps.items()}
        assert decided["rollout"] == "promoted", first_run.steps["rollout"].reason
        assert decided["schedule"] == "scheduled", first_run.steps["schedule"].reason
        first = stage.champion()
        assert first is not None
        assert first.uri.startswith(f"file://{stage.root}/store/")
        pinned = recurring_run(NAME)
        assert pinned.enabled

        before = stage.send(stage.requests(TRAINED_ON, MOVED_ON))
        assert before.stats.failed == 0
        assert set(before.stats.by_version) == {first.version}
        (quiet,) = _due(stage.root, MOVED_ON)
        assert quiet.step("monitor").decision == "healthy", quiet.step("monitor").reason

        stage.send(stage.requests(MOVED_ON, 63, name="moved"))
        with stage.asked(stage.requests(62, 63, "1m", "meanwhile")) as stats:
            (moved,) = _due(stage.root, 63)
        assert moved.step("monitor").decision == "retrain", moved.step("monitor").reason
        assert moved.step("rollout").decision == "promoted", moved.step("rollout").reason
        assert moved.step("schedule").decision == "unchanged", moved.step("schedule").reason
        assert recurring_run(NAME) == pinned
        second = stage.champion()
        assert second is not None
        assert second.version != first.version
        assert stats.failed == 0, "no request is lost during the switch"
        assert set(stats.by_version) == {first.version, second.version}
        assert len(audit.retrainings(stage.audit_uri)) == 1

        traffic = stage.send(stage.requests(63, 64, name="after"))
        assert set(traffic.stats.by_version) == {second.version}
        (chain,) = trace("after-000001/0", str(stage.model))
        assert chain.missing == ()
        assert chain.run == moved.run_id
        assert chain.card is not None
        assert chain.card.version == second.version
        assert connect(stage.target, NAME).staged() is None


def _due(root: Path, number: int) -> tuple[RunResult, ...]:
    return run_recurring(NAME, parse_instant(day(number)), root / "runs", RunObserver())
