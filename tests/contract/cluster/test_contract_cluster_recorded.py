"""What the steps really ask of an API server is what their accounts may, both ways.

Every step is run as it is, in each way of a rollout, by the API client, which is told of each call.
"""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from components.ops.cluster.errors import ApiCall
from components.ops.cluster.protocol import CONFIG_MAP
from components.ops.targets.kserve.inference_service import record_name
from tests.cluster.steps import Steps, recorded
from tests.fakes.cluster import FakeCluster, fake_cluster
from tests.fakes.kserve_controller import Mode
from tests.manifests import kustomize
from tests.manifests.rights import Right, granted, needed_by
from tests.needs import skip_or_fail
from tests.unit.ops.targets.serving_factories import MODEL

NAMESPACE = "ratoon"
MODES: tuple[Mode, ...] = ("knative", "standard-canary", "standard")
Recorded = dict[str, list[ApiCall]]


def rights(calls: Iterable[ApiCall]) -> set[Right]:
    return {Right(call.group, call.resource, call.verb) for call in calls}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """By role, over every mode."""
    made: Recorded = {"plan": [], "deploy": []}
    with pytest.MonkeyPatch.context() as environment:
        for mode in MODES:
            folder = tmp_path_factory.mktemp(mode)
            with fake_cluster(folder / "cluster", mode) as running:
                environment.setenv("RATOON_KUBECONFIG", running.environment["RATOON_KUBECONFIG"])
                play(Steps(folder, f"kserve://{NAMESPACE}", environment), running, mode, made)
    return made


def play(steps: Steps, running: FakeCluster, mode: Mode, made: Recorded) -> None:
    """Everything that a plan, a deploy, a rollout and a person can come to."""
    with recorded(steps.environment) as planned:
        assert steps.champion() is None
    with recorded(steps.environment) as asked:
        if mode == "knative":
            assert steps.deploy("v0", {"start_fails": True}, ready_s=1.5).decision == "refused"
        assert steps.deploy("v1").decision == "staged"
        assert steps.roll_out("v1").decision == "promoted"
        first = steps.champion()
        assert steps.deploy("v2").decision == "staged"
        assert steps.roll_out("v2", asked=True).decision == "promoted"
        refused = steps.deploy("v3", planned=first)
        assert [f.code for f in refused.failures] == ["champion_changed"]
        assert steps.deploy("v4").decision == "staged"
        with meddling(running):
            assert steps.roll_out("v4", gates={"approval": "required"}).decision == "proposed"
        steps.decide("v4", reject=True)
        if mode == "knative":
            assert steps.deploy("v5").decision == "staged"
            steps.decide("v5")
    with recorded(steps.environment) as again:
        champion = steps.champion()
    assert champion is not None
    assert champion.version == ("v5" if mode == "knative" else "v2")
    made["plan"] += [*planned, *again]
    made["deploy"] += asked


class meddling:  # noqa: N801 - reads as a word of the story
    """Somebody writes to the record's ConfigMap all the while, so that writes collide."""

    def __init__(self, running: FakeCluster) -> None:
        self._cluster, self._ends = running.cluster.acting_as("somebody"), threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._ends.wait(0.05):
            number += 1
            meta = {"name": record_name(MODEL), "namespace": NAMESPACE}
            meta["annotations"] = {"example.com/number": str(number)}  # type: ignore[assignment]
            wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
            self._cluster.apply(CONFIG_MAP, wanted)


@pytest.mark.parametrize(
    ("role", "part"), [("plan", "champion"), ("deploy", "rollout")], ids=["plan", "deploy"]
)
def test_what_is_asked_is_what_the_table_says(calls: Recorded, role: str, part: str) -> None:
    asked, said = rights(calls[role]), needed_by(part)
    assert sorted(asked - said) == [], f"{role} asks for what the table does not say"
    assert sorted(said - asked) == [], f"the table says what {role} never asks for"


@pytest.mark.parametrize(
    ("role", "account"), [("plan", "ratoon-pipeline"), ("deploy", "ratoon-deployer")]
)
@pytest.mark.parametrize("overlay", kustomize.OVERLAYS)
def test_what_is_asked_is_what_the_roles_give(
    calls: Recorded, overlay: str, role: str, account: str
) -> None:
    if kustomize.program() is None:
        skip_or_fail(kustomize.MISSING)
    given = granted(kustomize.build(kustomize.overlay(overlay)))[account]
    # Beside it only what Kubeflow itself does in every step's pod, by name.
    assert sorted(given - needed_by("step")) == sorted(rights(calls[role]))


def test_nothing_is_asked_outside_the_namespace(calls: Recorded) -> None:
    asked = {call.namespace for made in calls.values() for call in made}
    assert asked == {NAMESPACE}


def test_a_champion_in_git_is_read_without_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.ops.git.repositories import Bare

    target = Bare.made(tmp_path).target
    with recorded(monkeypatch) as asked:
        assert Steps(tmp_path, target, monkeypatch).champion() is None
    assert asked == []
