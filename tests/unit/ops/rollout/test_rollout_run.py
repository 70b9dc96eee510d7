"""The rollout step under live traffic: promoted or taken back by numbers, and never by silence."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core import audit
from components.core.artifacts import DEPLOYMENT, VERDICT
from components.core.plan import Champion
from components.core.verdict import Verdict
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.manual import decide
from components.ops.rollout.run import RolloutOutputs, roll_out
from components.ops.targets.local import processes
from components.ops.targets.protocol import CandidateGone
from tests.unit.ops.targets.conftest import Serving
from tests.unit.ops.targets.serving_factories import MODEL, Clients, make_plan

STEPS = {
    "steps": ["30%", "60%"],
    "min_requests": 20,
    "timeout": "60s",
    "max_p99": "3s",
    "max_latency_ratio": 50,
}


def staged(serving: Serving, version: str, champion: Champion | None, **behaviour: object) -> Path:
    serving.stage(version, **behaviour)
    serving.target.wait_ready(version, 30)
    candidate = serving.target.staged()
    assert candidate is not None
    folder = serving.tmp / f"deployment-{version}"
    Deployment(
        target=serving.uri,
        model=MODEL,
        version=version,
        uri=candidate.uri,
        digest=candidate.digest,
        champion=champion,
        address=serving.target.address,
    ).write(folder / DEPLOYMENT)
    return folder


def run(
    serving: Serving, deployment: Path, champion: Champion | None, **changes: object
) -> Verdict:
    plan = make_plan(serving.tmp, serving.uri, champion, **{"canary": STEPS, **changes})
    outputs = RolloutOutputs(serving.tmp / "rollout", serving.tmp / "rollout.html")
    return roll_out(plan, deployment, "run-1", outputs, poll_s=0.05)


def address_of(serving: Serving) -> str:
    address = serving.target.address
    assert address is not None
    return address


def codes(verdict: Verdict) -> list[str]:
    return [f.code for f in verdict.failures]


def test_a_good_candidate_is_promoted_step_by_step(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    with Clients(address_of(serving), pause_s=0.01) as clients:
        verdict = run(serving, deployment, champion)
        clients.wait_for(10)
    assert verdict.decision == "promoted"
    assert clients.broken == []
    assert set(clients.statuses) == {200}
    serves = serving.target.champion()
    assert serves is not None
    assert serves.version == "v2"
    assert Verdict.read(serving.tmp / "rollout" / VERDICT) == verdict
    shares = {f.subject for f in verdict.findings}
    assert shares == {"30% of the traffic", "60% of the traffic"}
    assert verdict.metrics["requests"] is not None
    assert verdict.metrics["requests"] >= 40
    assert verdict.metrics["mean_probability"] == pytest.approx(0.3)
    (entry,) = audit.entries(f"{serving.tmp}/log-audit", "run-1")
    assert (entry.step, entry.version, entry.decision) == ("rollout", "v2", "promoted")
    page = (serving.tmp / "rollout.html").read_text()
    assert page.count("<figure>") == 2
    assert "30%" in page


@pytest.mark.parametrize(
    ("behaviour", "changes", "code"),
    [
        ({"status": 500}, {}, "errors"),
        ({"resets": True}, {}, "errors"),
        ({"status": 422}, {}, "refused"),
        ({"delay_s": 1.3}, {"max_p99": "1s"}, "latency"),
        ({"delay_s": 0.5}, {"max_latency_ratio": 2}, "slower"),
        ({"offset": 0.4}, {}, "shift"),
    ],
)
def test_a_bad_candidate_is_rolled_back(
    serving: Serving, behaviour: dict[str, object], changes: dict[str, object], code: str
) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion, **behaviour)
    with Clients(address_of(serving), pause_s=0.01) as clients:
        verdict = run(serving, deployment, champion, canary={**STEPS, **changes})
        clients.wait_for(10)
    assert verdict.decision == "rolled_back"
    assert code in codes(verdict)
    assert verdict.reason.startswith("At 30% of the traffic: ")
    assert clients.broken == []
    assert set(clients.statuses) <= {200, 422}
    assert serving.target.champion() == champion
    assert serving.target.staged() is None
    outcome = serving.target.outcome("v2")
    assert outcome is not None
    assert outcome.reason == verdict.reason


def test_silence_promotes_nothing(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    started = time.monotonic()
    verdict = run(serving, deployment, champion, canary={**STEPS, "timeout": "1s"})
    assert verdict.decision == "rolled_back"
    assert codes(verdict) == ["traffic"]
    assert time.monotonic() - started >= 1  # it waited for all of its time
    assert serving.target.champion() == champion


def test_answers_that_are_not_in_the_log_promote_nothing(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion, silent=True)
    with Clients(address_of(serving), pause_s=0.01):
        verdict = run(serving, deployment, champion, canary={**STEPS, "timeout": "5s"})
    assert verdict.decision == "rolled_back"
    assert codes(verdict) == ["log"]


def test_a_first_model_is_promoted_at_once(serving: Serving) -> None:
    deployment = staged(serving, "v1", None)
    verdict = run(serving, deployment, None)
    assert verdict.decision == "promoted"
    assert "No model served before" in verdict.reason
    champion = serving.target.champion()
    assert champion is not None
    assert champion.version == "v1"


def test_an_ended_rollout_is_found_ended(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    serving.target.roll_back("v2", "it was too slow")
    verdict = run(serving, deployment, champion)
    assert (verdict.decision, verdict.reason) == ("rolled_back", "it was too slow")
    deployment = staged(serving, "v3", champion)
    serving.target.promote("v3", champion, "it was fine")
    verdict = run(serving, deployment, champion)
    assert (verdict.decision, verdict.reason) == ("promoted", "it was fine")


def test_a_step_that_was_killed_goes_on_where_it_was(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    serving.target.shift("v2", 0.6)
    with Clients(address_of(serving), pause_s=0.01):
        verdict = run(serving, deployment, champion)
    assert verdict.decision == "promoted", verdict.findings
    assert {f.subject for f in verdict.findings} == {"60% of the traffic"}


def while_it_runs(serving: Serving, act: Callable[[], object]) -> threading.Thread:
    def wait_and_act() -> None:
        while (now := serving.target.staged()) is None or now.share == 0:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def test_a_newer_candidate_ends_the_rollout(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    other = while_it_runs(serving, lambda: serving.stage("v3"))
    verdict = run(serving, deployment, champion)
    other.join(60)
    assert verdict.decision == "rolled_back"
    assert codes(verdict) == ["candidate_gone"]
    now = serving.target.staged()
    assert now is not None
    assert now.version == "v3"


def test_another_champion_by_the_end_of_the_rollout_stops_the_promotion(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)
    file = serving.target.target_uri.record_file

    def replace_champion() -> None:
        with file.locked():
            record = file.read()
            assert record is not None
            assert record.champion is not None
            other = record.champion.model_copy(update={"digest": "other bytes"})
            file.write(record.model_copy(update={"champion": other}))

    act = while_it_runs(serving, replace_champion)
    with Clients(address_of(serving), pause_s=0.01):
        verdict = run(serving, deployment, champion)
        act.join(60)
    assert verdict.decision == "rolled_back"
    assert codes(verdict) == ["champion_changed"]


def test_a_candidate_that_dies_is_rolled_back_and_no_client_notices(serving: Serving) -> None:
    champion = serving.promote("v1")
    deployment = staged(serving, "v2", champion)

    def kill() -> None:
        record = serving.target.target_uri.record_file.read()
        assert record is not None
        assert record.candidate is not None
        assert record.candidate.server is not None
        processes.end(record.candidate.server.process, 0)

    act = while_it_runs(serving, kill)
    with Clients(address_of(serving), pause_s=0.01) as clients:
        verdict = run(serving, deployment, champion, canary={**STEPS, "min_requests": 200})
        act.join(60)
    assert verdict.decision == "rolled_back"
    assert codes(verdict) == ["errors"]
    assert clients.broken == []
    assert set(clients.statuses) == {200}


def test_a_promotion_that_wants_approval_waits_for_a_person(serving: Serving) -> None:
    champion = serving.promote("v1")
    for version, reject, decision in (("v2", True, "rolled_back"), ("v3", False, "promoted")):
        deployment = staged(serving, version, champion)
        verdict = run(serving, deployment, champion, gates={"approval": "required"})
        assert verdict.decision == "proposed"
        assert serving.target.champion() == champion
        proposed = serving.target.staged()
        assert proposed is not None
        assert (proposed.version, proposed.share) == (version, 0.0)
        command = f"ratoon rollout approve <folder of {MODEL}> {version} --target '{serving.uri}'"
        assert command in verdict.reason
        assert decide(serving.target, version, reject=reject, reason="by the test") == decision
        with pytest.raises(CandidateGone, match="is not staged"):
            decide(serving.target, version, reject=reject, reason="again")
    serves = serving.target.champion()
    assert serves is not None
    assert serves.version == "v3"
