"""The whole loop over a table that nothing knows but its spec: deploy, watch, retrain, redeploy."""

from datetime import timedelta

from components.core import audit
from components.core.spans import parse_instant
from components.ops.audit.provenance import trace
from components.ops.schedule.local_schedule import read
from pipelines.local.results import RunObserver, RunResult
from pipelines.local.runner import run_due
from tests.loop.places import MOVED_ON, Deployed, Stages, Watched
from tests.loop.stage import MONITOR, Stage
from tests.loop.turbines import NAME, ROWS_A_DAY, day


def test_the_first_model_is_promoted_by_its_spec_alone(deployed: Deployed) -> None:
    steps, stage = deployed.run.steps, deployed.stage
    assert {name: step.decision for name, step in steps.items()} == {
        "plan": "planned",
        "prepare": "",
        "validate": "pass",
        "train": "trained",
        "evaluate": "deploy",
        "deploy": "staged",
        "rollout": "promoted",
        "schedule": "scheduled",
    }
    champion, schedule = stage.champion(), read(stage.serving)
    assert champion is not None
    assert schedule is not None
    assert champion.run == deployed.run.run_id
    assert schedule.first_due == parse_instant(day(MOVED_ON))
    assert schedule.wanted.parameters.model == str(stage.model)


def test_every_live_request_is_answered_by_the_champion(watched: Watched) -> None:
    champion = watched.stage.champion()
    assert champion is not None
    assert watched.stats.failed == 0
    assert watched.stats.by_version == {champion.version: watched.stats.requests}
    assert watched.stats.rows > 20 * (ROWS_A_DAY - 10)


def test_the_loop_closes(watched: Watched, stages: Stages) -> None:
    """One story, for each part of it needs the one before."""
    stage = stages.clone(watched.stage, log=True)
    first = stage.champion()
    assert first is not None
    stage.wake()

    (quiet,) = _due(stage, MOVED_ON)
    assert quiet.step("monitor").decision == "healthy", quiet.step("monitor").reason
    assert not [name for name in quiet.steps if "/" in name]
    assert _due(stage, MOVED_ON) == (), "what is done is not due again"

    with stage.asked(stage.requests(62, 63, "1m", "meanwhile")) as stats:
        (moved,) = _due(stage, 63)
    judged = moved.step("monitor")
    assert judged.decision == "retrain", judged.reason
    assert moved.step("evaluate").decision == "deploy", moved.step("evaluate").reason
    assert moved.step("rollout").decision == "promoted", moved.step("rollout").reason
    second = stage.champion()
    assert second is not None
    assert second.version != first.version
    assert stats.failed == 0, "no request is lost during the switch"
    assert set(stats.by_version) == {first.version, second.version}

    traffic = stage.send(stage.requests(63, 66, name="after"))
    assert set(traffic.stats.by_version) == {second.version}
    cooling = stage.run(day(66), MONITOR)
    assert cooling.step("monitor").decision == "alert", cooling.step("monitor").reason
    assert "cool-down" in cooling.step("monitor").reason
    assert not [name for name in cooling.steps if "/" in name]
    assert len(audit.retrainings(stage.audit_uri)) == 1

    _check_chain(stage, "after-000001/0", second.version, moved.run_id)
    _check_chain(stage, f"{NAME}-000001/0", first.version, "first")


def _check_chain(stage: Stage, request: str, version: str, run: str) -> None:
    """From a logged row to all that stands behind it, with nothing missing."""
    (chain,) = trace(request, str(stage.model))
    assert chain.missing == ()
    assert (chain.logged["version"], chain.run) == (version, run)
    assert chain.card is not None
    assert chain.card.version == version
    decided = {entry.step: entry.decision for entry in chain.steps}
    wanted = {"plan", "validate", "train", "evaluate", "deploy", "rollout"}
    assert wanted <= set(decided)
    assert decided["rollout"] == "promoted"
    judged = [entry for entry in chain.steps if entry.step in ("validate", "evaluate", "deploy")]
    made_from = {name: digest for entry in judged for name, digest in entry.digests.items()}
    for name in ("spec", "schema", "plan", "examples"):
        assert chain.card.digests[name] == made_from[name]
    assert chain.monitored is not None


def _due(stage: Stage, number: int) -> tuple[RunResult, ...]:
    """What the schedule says is due an hour into a day."""
    now = parse_instant(day(number)) + timedelta(hours=1)
    return run_due(stage.serving, now, stage.root / "runs", RunObserver())
