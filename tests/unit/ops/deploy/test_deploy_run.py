"""The deploy step: a candidate gets no traffic before its own server was found sound."""

import re
from pathlib import Path

import httpx
import pytest

from components.core import audit
from components.core.artifacts import DEPLOYMENT, GOLDEN, MODEL_CARD, VERDICT
from components.core.errors import InputError
from components.core.plan import Champion
from components.core.verdict import Verdict
from components.ops.deploy.deployment import Deployment
from components.ops.deploy.run import DeployOutputs, deploy
from tests.unit.ops.targets.conftest import Serving
from tests.unit.ops.targets.serving_factories import (
    GOLDENS,
    MODEL,
    body_of,
    card_of,
    make_model,
    make_plan,
)


def run_deploy(
    serving: Serving, version: str, champion: Champion | None, **behaviour: object
) -> tuple[Verdict, DeployOutputs]:
    plan = make_plan(serving.tmp, serving.uri, champion)
    model = make_model(serving.tmp, version, **behaviour)
    outputs = DeployOutputs(serving.tmp / f"deployment-{version}", serving.tmp / f"{version}.html")
    return deploy(plan, model, "run-1", outputs, ready_timeout_s=10), outputs


def version_that_serves(serving: Serving) -> str:
    url = f"{serving.target.address}/v2/models/{MODEL}/infer"
    answer = httpx.post(url, json=body_of(), trust_env=False, timeout=30)
    assert answer.status_code == 200
    return answer.headers["x-ratoon-version"]


def test_a_sound_candidate_is_staged_without_traffic(serving: Serving) -> None:
    champion = serving.promote("v1")
    verdict, outputs = run_deploy(serving, "v2", champion)
    assert verdict.decision == "staged"
    assert [f.code for f in verdict.findings] == [
        "ready",
        "golden",
        "version",
        "latency",
        "wrong_input",
    ]
    assert Verdict.read(outputs.deployment / VERDICT) == verdict
    deployment = Deployment.of(outputs.deployment)
    assert deployment.champion == champion
    assert deployment.address == serving.target.address
    staged = serving.target.staged()
    assert staged is not None
    assert (staged.version, staged.digest, staged.share) == ("v2", deployment.digest, 0.0)
    assert version_that_serves(serving) == "v1"
    assert serving.target.traffic("v2").requests == 0
    (entry,) = audit.entries(f"{serving.tmp}/log-audit", "run-1")
    assert (entry.step, entry.decision, entry.version) == ("deploy", "staged", "v2")
    page = outputs.report.read_text()
    assert "staged" in page
    assert not re.search(r"(src|href)=\"http", page)


@pytest.mark.parametrize(
    ("behaviour", "code", "sentence"),
    [
        ({"start_fails": True}, "ready", "it was ready. SavedModel file does not exist"),
        ({"offset": 0.001}, "golden", "differ from the golden ones by 0.001"),
        ({"says_version": "v1"}, "version", "Responses name version v1, not v2"),
        ({"trial_delay_s": 1.05}, "latency", "95% of 2 requests"),
        ({"accepts_all": True}, "wrong_input", "a body that is not JSON: 200"),
    ],
)
def test_an_unsound_candidate_never_gets_traffic(
    serving: Serving, behaviour: dict[str, object], code: str, sentence: str
) -> None:
    champion = serving.promote("v1")
    verdict, outputs = run_deploy(serving, "v2", champion, **behaviour)
    assert verdict.decision == "refused"
    assert [f.code for f in verdict.failures] == [code]
    assert sentence in verdict.reason
    assert not (outputs.deployment / DEPLOYMENT).exists()
    assert serving.target.staged() is None
    assert serving.target.champion() == champion
    assert not serving.target.target_uri.model_folder("v2").exists()
    assert version_that_serves(serving) == "v1"
    assert serving.target.traffic("v2").requests == 0


def test_a_server_that_never_becomes_ready(serving: Serving) -> None:
    champion = serving.promote("v1")
    model = make_model(serving.tmp, "v2", never_ready=True)
    outputs = DeployOutputs(serving.tmp / "deployment", serving.tmp / "report.html")
    plan = make_plan(serving.tmp, serving.uri, champion)
    verdict = deploy(plan, model, "run-1", outputs, ready_timeout_s=0.5)
    assert verdict.decision == "refused"
    assert verdict.reason.startswith("the server was not ready within 0.5 s")


def test_another_champion_by_the_time_of_deploy_stops_it(serving: Serving) -> None:
    planned = serving.promote("v1")
    serving.promote("v2")
    verdict, _ = run_deploy(serving, "v3", planned)
    assert verdict.decision == "refused"
    (finding,) = verdict.failures
    assert (finding.code, finding.measured, finding.limit) == (
        "champion_changed",
        "version v2",
        "version v1",
    )
    assert version_that_serves(serving) == "v2"


def test_a_first_model_needs_the_spec_to_say_so(serving: Serving) -> None:
    model = make_model(serving.tmp, "v1")
    outputs = DeployOutputs(serving.tmp / "deployment", serving.tmp / "report.html")
    refused = deploy(
        make_plan(serving.tmp, serving.uri, first_model="refused"), model, "run-1", outputs
    )
    assert refused.decision == "refused"
    assert [f.code for f in refused.failures] == ["first_model"]
    staged = deploy(make_plan(serving.tmp, serving.uri), model, "run-1", outputs)
    assert staged.decision == "staged"
    assert Deployment.of(outputs.deployment).champion is None
    assert serving.target.champion() is None


def test_the_step_again_finds_what_it_staged(serving: Serving) -> None:
    champion = serving.promote("v1")
    run_deploy(serving, "v2", champion)
    before = serving.target.target_uri.record_file.read()
    verdict, outputs = run_deploy(serving, "v2", champion)
    assert verdict.decision == "staged"
    assert serving.target.target_uri.record_file.read() == before
    serving.target.promote("v2", champion, "by the test")
    verdict, _ = run_deploy(serving, "v2", champion)
    assert verdict.decision == "staged"
    assert Deployment.of(outputs.deployment).champion == champion


def test_a_model_of_another_name_or_without_goldens_is_no_input(serving: Serving) -> None:
    plan = make_plan(serving.tmp, serving.uri)
    outputs = DeployOutputs(serving.tmp / "deployment", serving.tmp / "report.html")
    model = make_model(serving.tmp, "v1")
    GOLDENS.model_copy(update={"probability": ()}).write(model / GOLDEN)
    with pytest.raises(InputError, match="golden rows"):
        deploy(plan, model, "run-1", outputs)
    card_of("v1").model_copy(update={"name": "other"}).write(model / MODEL_CARD)
    with pytest.raises(InputError, match="other"):
        deploy(plan, model, "run-1", outputs)
    assert not Path(serving.folder).exists()
