"""The rollout step on a namespace with KServe in it, by the API of a cluster over real HTTP."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.artifacts import DEPLOYMENT
from components.core.plan import Champion
from components.core.verdict import Severity, Verdict
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.manual import decide
from components.ops.rollout.run import RolloutOutputs, roll_out
from components.ops.targets import connect, read_champion
from tests.fakes.api_server import running
from tests.unit.ops.targets.kserve_factories import Toy, toy
from tests.unit.ops.targets.kserve_harness import NAMESPACE
from tests.unit.ops.targets.serving_factories import MODEL, make_model, make_plan

TARGET = f"kserve://{NAMESPACE}"
STEPS = {
    "steps": ["30%", "60%"],
    "min_requests": 20,
    "timeout": "30s",
    "max_p99": "3s",
    "max_latency_ratio": 50,
}


@dataclass
class Live:
    """A toy model whose controllers and clients act by themselves."""

    made: Toy
    tmp: Path
    status: int = 200
    is_silent: bool = False

    def stage(self, version: str) -> tuple[Path, Champion | None]:
        target = connect(TARGET, MODEL)
        champion = target.champion()
        folder = make_model(self.tmp, version)
        given = self.made.candidate(version, log=str(self.tmp / "log"))
        staged = target.stage(folder, given, champion)
        target.wait_ready(version, 20)
        made = self.tmp / f"deployment-{version}"
        Deployment(
            target=TARGET, model=MODEL, version=version, uri=staged.uri, digest=staged.digest,
            champion=champion, address=target.address,
        ).write(made / DEPLOYMENT)  # fmt: skip
        return made, champion

    def roll_out(self, version: str, **changes: object) -> Verdict:
        deployment, champion = self.stage(version)
        store = {"store": f"file://{self.made.store}"}
        canary = changes.pop("canary", STEPS)
        plan = make_plan(self.tmp, TARGET, champion, canary=canary, serving=store, **changes)
        outputs = RolloutOutputs(self.tmp / "rollout", self.tmp / "rollout.html")
        return roll_out(plan, deployment, "run-1", outputs, poll_s=0.02)

    def act(self) -> None:
        """What controllers and clients do in a moment."""
        self.made.world.reconcile()
        if self.is_silent:
            return
        for version, percent in dict(self.made.world.traffic).items():
            pods = self.made.world.pods_of(version)
            requests = round(percent / 10)
            if pods and requests:
                status = self.status if version == "v2" else 200
                pods[-1].server.count(requests, status)
                self._log(version, requests)

    def _log(self, version: str, rows: int) -> None:
        now = datetime.now(UTC)
        table = pa.table(
            {
                "request_id": [""] * rows,
                "row": pa.array(range(rows), pa.int32()),
                "logged_at": pa.array([now] * rows, pa.timestamp("us", "UTC")),
                "version": [version] * rows,
                "probability": [0.3] * rows,
            }
        )
        folder = self.tmp / "log" / now.strftime("%Y-%m-%dT%H")
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{uuid.uuid4().hex}.part"
        pq.write_table(table, part)
        part.rename(folder / f"{version}-{part.stem[1:]}.parquet")


@contextmanager
def live(tmp: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with toy(tmp, way) as made, running(made.world.memory.store) as server:
        monkeypatch.setenv("RATOON_KUBECONFIG", str(server.kubeconfig(tmp / "kubeconfig")))
        world, ends = Live(made, tmp), threading.Event()

        def act() -> None:
            while not ends.wait(0.02):
                world.act()

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield world
        finally:
            ends.set()
            thread.join(30)


@pytest.mark.parametrize("way", ["knative", "canary"])
def test_a_good_candidate_is_promoted_step_by_step(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live(tmp_path, way, monkeypatch) as world:
        assert world.roll_out("v1").decision == "promoted"
        verdict = world.roll_out("v2")
        assert verdict.decision == "promoted", verdict.reason
        assert {f.subject for f in verdict.findings} == {"30% of the traffic", "60% of the traffic"}
        champion = read_champion(TARGET, MODEL)
        assert champion is not None
        assert champion.version == "v2"


@pytest.mark.parametrize("way", ["knative", "canary"])
def test_a_candidate_that_fails_is_rolled_back(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live(tmp_path, way, monkeypatch) as world:
        world.roll_out("v1")
        world.status = 500
        verdict = world.roll_out("v2")
        assert verdict.decision == "rolled_back"
        assert "errors" in [f.code for f in verdict.failures]
        deadline = time.monotonic() + 10
        while world.made.world.traffic != {"v1": 100}:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_silence_promotes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with live(tmp_path, "knative", monkeypatch) as world:
        world.roll_out("v1")
        world.is_silent = True
        verdict = world.roll_out("v2", canary={**STEPS, "timeout": "1s"})
        assert verdict.decision == "rolled_back"
        assert [f.code for f in verdict.failures] == ["traffic"]


def test_where_traffic_cannot_be_shared_it_is_promoted_without_a_canary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live(tmp_path, "blue_green", monkeypatch) as world:
        world.roll_out("v1")
        verdict = world.roll_out("v2")
        assert verdict.decision == "promoted"
        (finding,) = verdict.findings
        assert (finding.code, finding.severity) == ("no_canary", Severity.WARN)
        assert "spec.canary[]" in verdict.reason
        assert "No live request tried it" in (tmp_path / "rollout.html").read_text()


@pytest.mark.parametrize("way", ["knative", "blue_green"])
def test_a_person_decides_on_a_proposed_version(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live(tmp_path, way, monkeypatch) as world:
        world.roll_out("v1")
        for version, reject, decision in (("v2", True, "rolled_back"), ("v3", False, "promoted")):
            verdict = world.roll_out(version, gates={"approval": "required"})
            assert verdict.decision == "proposed"
            staged = connect(TARGET, MODEL).staged()
            assert staged is not None
            assert (staged.version, staged.share) == (version, 0.0)
            assert f"ratoon rollout approve <folder of {MODEL}> {version}" in verdict.reason
            target = connect(TARGET, MODEL)
            assert decide(target, version, reject=reject, reason="by the test") == decision
        champion = read_champion(TARGET, MODEL)
        assert champion is not None
        assert champion.version == "v3"
