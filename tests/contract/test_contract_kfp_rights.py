"""What the schedule step and the reconciler ask of KFP is what their account may, both ways.

In multi-user mode KFP asks RBAC about every call of its API; the fake tells what it would ask.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.ops.schedule import reconcile
from components.ops.schedule.run import schedule
from pipelines.document import Document
from pipelines.submission.server import connect_server
from tests.cluster.steps import recorded
from tests.fakes.kfp_server import _RESOURCES, KfpApi, running
from tests.manifests import kustomize
from tests.manifests.rights import Right, granted, needed_by
from tests.needs import skip_or_fail
from tests.unit.ops.targets.serving_factories import make_plan

GROUP = "pipelines.kubeflow.org"
MONITOR = kustomize.ROOT / "manifests/pipelines/monitor.yaml"
SCHEDULER = "ratoon-scheduler"


class Watched(KfpApi):
    """KFP in multi-user mode, and every question that it asks RBAC."""

    def __init__(self) -> None:
        super().__init__(multi_user=True)
        self.asked: set[Right] = set()

    def _may(self, table: str, verb: str, namespace: str = "") -> None:
        self.asked.add(Right(GROUP, _RESOURCES.get(table, table), verb))
        super()._may(table, verb, namespace)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[Right]]:
    folder = tmp_path_factory.mktemp("recurring")
    document, api = Document.read(MONITOR.read_text()), Watched()
    with pytest.MonkeyPatch.context() as environment, running(api=api) as endpoint:
        with connect_server(endpoint, "ratoon") as server:
            server.upload(MONITOR, document.name, document.version, document.description)
        environment.setenv("KF_PIPELINES_ENDPOINT", endpoint)
        environment.setenv("RATOON_NAMESPACE", "ratoon")
        environment.setenv("RATOON_MONITOR_VERSION", document.version)
        api.asked.clear()
        with recorded(environment) as calls:
            play(folder)
        assert calls == [], "nothing is asked of the cluster itself"
        yield api.asked


def play(folder: Path) -> None:
    """Made, changed, switched off and on by git; made by the step, and left to git by it."""
    declared = folder / "toy.yaml"
    text = "model: toy\nparameters: {model: models/toy}\n"
    plan = make_plan(folder, "kserve://ratoon", serving={"store": f"file://{folder}/store"})
    assert schedule(plan, "models/toy", "", "run-1").decision == "scheduled"
    assert schedule(plan, "models/toy", "", "run-2").decision == "unchanged"
    for line in ("every: month", "every: 7d", "every: 7d\nenabled: false", "every: 7d"):
        declared.write_text(f"{text}{line}\n")
        assert {one.state for one in reconcile.reconcile_manifests([declared])} <= {
            "scheduled",
            "unchanged",
        }
    assert "git declares" in schedule(plan, "models/toy", "", "run-3").reason
    assert [one.state for one in reconcile.check_manifests([declared])] == ["unchanged"]


def test_what_is_asked_is_what_the_table_says(asked: set[Right]) -> None:
    said = needed_by("recurring")
    assert sorted(asked - said) == [], "asked for, and not in the table"
    assert sorted(said - asked) == [], "in the table, and never asked for"


@pytest.mark.parametrize("overlay", kustomize.OVERLAYS)
def test_what_is_asked_is_what_the_role_gives(asked: set[Right], overlay: str) -> None:
    if kustomize.program() is None:
        skip_or_fail(kustomize.MISSING)
    given = granted(kustomize.build(kustomize.overlay(overlay)))[SCHEDULER]
    assert sorted(given - needed_by("step")) == sorted(asked)
