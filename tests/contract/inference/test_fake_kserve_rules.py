"""Rules of KServe's traffic that the fake keeps to, by hand."""

import pytest

from tests.fakes.kserve_knative import Names, Target, propagated, targets_of
from tests.fakes.kserve_template import canary_predictor, template_of

LATEST, RUNTIME = (Target(100),), {"containers": [{"args": ["--port", "8080"]}]}


@pytest.mark.parametrize(
    ("percent", "rolled_out", "tagged", "expected"),
    [
        (None, "", False, [(100, None, None)]),
        (None, "r1", True, [(100, None, "latest")]),
        (20, "", False, [(100, None, None)]),  # nothing to share with
        (20, "r1", True, [(20, None, "latest"), (80, "r1", "prev")]),
        (0, "r1", False, [(0, None, None), (100, "r1", "prev")]),
        (100, "r1", True, [(100, None, "latest")]),
    ],
)
def test_targets(percent, rolled_out, tagged, expected) -> None:
    assert targets_of(percent, rolled_out, tagged) == tuple(Target(*t) for t in expected)


@pytest.mark.parametrize(
    ("before", "targets", "rolled_out", "previous"),
    [
        (Names("r1", "", "", ""), LATEST, "", ""),  # nothing is ready
        (Names("r1", "r1", "", ""), LATEST, "r1", ""),
        (Names("r2", "r1", "r1", ""), (Target(0), Target(100, "r1")), "r1", ""),
        (Names("r2", "r2", "r1", ""), (Target(20), Target(80, "r1")), "r1", ""),
        (Names("r2", "r2", "r1", ""), LATEST, "r2", "r1"),
        # The newest ready one is what a percentage is taken from: KServe goes one back.
        (Names("r2", "r2", "r2", "r1"), (Target(20), Target(80, "r2")), "r1", "r1"),
        (Names("r1", "r1", "r1", ""), (Target(20), Target(80, "r1")), "r1", ""),
    ],
)
def test_what_counts_as_rolled_out(before, targets, rolled_out, previous) -> None:
    after = propagated(before, targets)
    assert (after.rolled_out, after.previous) == (rolled_out, previous)


def service(**predictor: object) -> dict:
    model = {"storageUri": "s3://models/a", "args": ["--name", "toy"]}
    return {
        "metadata": {"name": "toy", "annotations": {"who": "service", "version": "1"}},
        "spec": {"predictor": {"model": model, "minReplicas": 2, **predictor}},
    }


def made(one: dict, by_revision: bool = False, runtime: dict = RUNTIME):
    return template_of(one, one["spec"]["predictor"], runtime, by_revision)


def test_the_models_arguments_come_after_the_runtimes() -> None:
    assert made(service()).args == ("--port", "8080", "--name", "toy")


def test_the_predictors_annotations_go_before_the_services_and_these_before_the_runtimes() -> None:
    runtime = {**RUNTIME, "annotations": {"who": "runtime", "port": "8080"}}
    one = service(annotations={"who": "predictor"})

    assert made(one, runtime=runtime).annotations == {
        "who": "predictor", "version": "1", "port": "8080",
    }  # fmt: skip


def test_what_makes_other_pods() -> None:
    first = service()
    for change, by_revision, other in (
        ({"canaryTrafficPercent": 20}, True, False),
        ({"minReplicas": 3}, True, True),
        ({"minReplicas": 3}, False, False),
        ({"name": "v2"}, False, False),
        ({"annotations": {"version": "2"}}, True, True),
        ({"serviceAccountName": "another"}, True, True),
    ):
        changed = made(service(**change), by_revision) != made(first, by_revision)
        assert changed == other, change


def test_a_canary_is_laid_over_the_stable_predictor() -> None:
    laid = canary_predictor(
        service(), {"predictor": {"name": "v2", "model": {"storageUri": "s3://models/b"}}}
    )
    assert laid == {
        "name": "v2",
        "minReplicas": 2,
        "model": {"storageUri": "s3://models/b", "args": ["--name", "toy"]},
    }
