"""Models that must not serve, brought to a real server beside a champion that does."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from components.core.artifacts import (
    GOLDEN,
    MODEL_CARD,
    PLAN,
    SAVED_MODEL,
    VERDICT,
    Golden,
    ModelCard,
)
from components.core.plan import Plan
from components.core.verdict import Verdict
from components.ops.targets.local.processes import find_processes
from pipelines.local.machine import Machine
from pipelines.replay.traffic import ReplayRequest
from tests.loop.places import TRAINED_ON, Deployed, Stages
from tests.loop.stage import Stage, in_image

HERE = Path(__file__).parent
# No turbine has this load, so no golden row does.
SPOILED_KW = 4_242


@dataclass(frozen=True)
class Serving:
    """A champion that answers, and the chosen model folder that it was deployed from."""

    stage: Stage
    chosen: Path
    plan: Plan
    out: Path

    @property
    def version(self) -> str:
        champion = self.stage.champion()
        assert champion is not None
        return champion.version

    def try_out(self, model: Path, plan: Plan) -> Verdict:
        """Deploys a model, and rolls it out where it is staged; the last verdict."""
        card, out = ModelCard.read(model / MODEL_CARD), self.out / model.name
        plan.write(out / "plan" / PLAN)
        program = HERE / "roll_out.py"
        in_image(self.stage.machine, "ops", program, out / "plan", model, card.version, out)
        last = "rollout" if (out / "rollout" / VERDICT).exists() else "deployment"
        return Verdict.read(out / last / VERDICT)

    def planned(self, canary: dict[str, Any] | None = None) -> Plan:
        """A plan of this moment, with some limits of the canary changed."""
        fields = self.plan.model_dump(mode="json", by_alias=True)
        fields["champion"] = self.stage.champion()
        fields["spec"]["serving"]["canary"] |= canary or {}
        fields["spec"]["serving"] |= {
            "target": self.stage.target,
            "log": f"{self.stage.root}/log",
            "audit": self.stage.audit_uri,
        }
        return Plan.model_validate(fields)

    def check_serves(self, version: str, request: ReplayRequest) -> None:
        """Only the champion runs, and it answers."""
        answer = self.stage.ask(request)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model_version"] == version
        assert self.version == version
        assert len(find_processes(self.stage.serving)) == 2, "one server and the gateway"


@pytest.fixture(scope="module")
def serving(
    deployed: Deployed, lasting_stages: Stages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    stage = lasting_stages.clone(deployed.stage)
    stage.wake()
    yield Serving(
        stage,
        deployed.run.step("evaluate").artifacts["chosen"],
        Plan.of(deployed.run.step("plan").artifacts["plan"]),
        tmp_path_factory.mktemp("tried"),
    )
    stage.stop()


@pytest.fixture(scope="module")
def spoiled(serving: Serving, machine: Machine) -> Path:
    program, out = HERE / "spoiled_models.py", serving.out / "spoiled"
    in_image(machine, "model", program, serving.chosen, str(SPOILED_KW), out)
    return out


def without_weights(model: Path) -> None:
    for file in (model / SAVED_MODEL / "variables").iterdir():
        file.write_bytes(file.read_bytes()[:100])


def answers_otherwise(model: Path) -> None:
    golden = Golden.read(model / GOLDEN)
    first, *others = golden.probability
    changed = golden.model_copy(update={"probability": ((first + 0.1) % 1, *others)})
    changed.write(model / GOLDEN)


@pytest.mark.parametrize(
    "breaks", [without_weights, answers_otherwise], ids=lambda breaks: breaks.__name__
)
def test_a_broken_model_never_gets_traffic(
    serving: Serving, breaks: Callable[[Path], None]
) -> None:
    champion, request = serving.version, serving.stage.requests(TRAINED_ON, TRAINED_ON + 1)[0]
    model = _copy(serving, breaks.__name__)
    breaks(model)
    with serving.stage.asked((request,)) as stats:
        verdict = serving.try_out(model, serving.planned())
    assert (verdict.step, verdict.decision) == ("deploy", "refused"), verdict.reason
    assert {f.code for f in verdict.failures} & {"ready", "golden"}
    assert stats.failed == 0
    assert set(stats.by_version) == {champion}
    serving.check_serves(champion, request)


@pytest.mark.parametrize(
    ("name", "canary", "codes"),
    [
        ("errs", {}, {"errors", "refused"}),
        ("slow", {"max_p99": "1s", "min_requests": 4}, {"latency", "slower"}),
    ],
)
def test_a_bad_canary_is_rolled_back(
    serving: Serving, spoiled: Path, name: str, canary: dict[str, Any], codes: set[str]
) -> None:
    champion, requests = serving.version, _live(serving.stage)
    with serving.stage.asked(requests) as stats:
        verdict = serving.try_out(spoiled / name, serving.planned(canary))
    assert (verdict.step, verdict.decision) == ("rollout", "rolled_back"), verdict.reason
    assert {f.code for f in verdict.failures} & codes, verdict.failures
    assert set(stats.by_version) == {champion, f"{champion}-{name}"}, "it met live traffic"
    serving.check_serves(champion, requests[0])


def test_another_champion_by_the_time_of_deploy(serving: Serving) -> None:
    """The plan was made when nothing served; a model serves by now."""
    champion = serving.version
    before = serving.planned().model_copy(update={"champion": None})
    verdict = serving.try_out(_copy(serving, "late"), before)
    assert (verdict.step, verdict.decision) == ("deploy", "refused")
    (failed,) = verdict.failures
    assert (failed.code, failed.measured) == ("champion_changed", f"version {champion}")
    request = serving.stage.requests(TRAINED_ON, TRAINED_ON + 1)[0]
    serving.check_serves(champion, request)


def _live(stage: Stage) -> tuple[ReplayRequest, ...]:
    """Rows one by one, every second of them spoiled."""
    requests = stage.requests(TRAINED_ON, TRAINED_ON + 1, "1m", "live")
    return tuple(
        _with_load(request) if number % 2 == 0 else request
        for number, request in enumerate(requests)
    )


def _with_load(request: ReplayRequest) -> ReplayRequest:
    body = json.loads(request.body)
    (load,) = (column for column in body["inputs"] if column["name"] == "load_kw")
    load["data"] = [SPOILED_KW] * request.rows
    return replace(request, body=json.dumps(body).encode())


def _copy(serving: Serving, name: str) -> Path:
    """The chosen model as another version in a folder of its own."""
    model = serving.out / "made" / name
    shutil.copytree(serving.chosen, model)
    card = ModelCard.read(model / MODEL_CARD)
    card.model_copy(update={"version": f"{card.version}-{name}"}).write(model / MODEL_CARD)
    return model
