"""A challenger that is not proved better is refused, and the champion goes on serving."""

from components.core.artifacts import VERDICT
from components.core.verdict import Verdict
from pipelines.local.results import RunResult
from tests.loop.places import Deployed, Killed, Stages
from tests.loop.stage import Stage
from tests.loop.turbines import World, day

# Weeks 0, 3 and 6 are the reference; of a run on day 49 the days 42 to 48 are the recent ones.
_TRAINING_DAYS = frozenset({*range(7, 21), *range(28, 42)})


def test_a_worse_challenger(deployed: Deployed, stages: Stages) -> None:
    """Its labels were dealt out anew; those of the holdouts are the true ones."""
    stage = stages.clone(deployed.stage, World(days=50, shuffled=_TRAINING_DAYS))
    stage.wake()
    refused = stage.run(day(49))
    verdict = _check_refused(refused, stage, deployed)
    assert {"floor", "better"} & {f.code for f in verdict.failures}
    answer = stage.ask(stage.requests(49, 50)[0])
    assert answer.status_code == 200
    assert answer.json()["model_version"] == _version(deployed.stage)


def test_one_that_is_no_better(killed: Killed, deployed: Deployed) -> None:
    """A day later there is nothing to learn that the champion does not know."""
    verdict = _check_refused(killed.again, killed.stage, deployed)
    assert "better" in {f.code for f in verdict.failures}


def test_one_that_forgot(deployed: Deployed, stages: Stages) -> None:
    """Vibration turned round on day 42: better on the newest days, lost on the weeks before."""
    changes = {"window": "last 21 spans", "split": {"recent": "5d"}}
    stage = stages.clone(deployed.stage, World(days=63, turns_on=42), changes)
    refused = stage.run(day(63))
    verdict = _check_refused(refused, stage, deployed)
    retrained = [f for f in verdict.findings if f.subject.startswith("retrained")]
    (better,) = (f for f in retrained if f.code == "better")
    assert better.severity == "info", better.sentence
    assert "reference" in verdict.reason
    assert any("reference" in f.subject for f in retrained if f.severity == "fail")


def _check_refused(run: RunResult, stage: Stage, deployed: Deployed) -> Verdict:
    judged = run.step("evaluate")
    assert judged.decision == "refuse", judged.reason
    assert list(run.steps)[-1] == "evaluate", "nothing was deployed"
    assert _version(stage) == _version(deployed.stage)
    return Verdict.read(judged.artifacts["verdict"] / VERDICT)


def _version(stage: Stage) -> str:
    champion = stage.champion()
    assert champion is not None
    return champion.version
