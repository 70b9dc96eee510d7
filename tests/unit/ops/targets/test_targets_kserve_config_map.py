"""The record in its ConfigMap: two writers, storms of conflicts, and what others wrote."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components.core.errors import ApiUnavailable, InputError
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    Conflict,
    Forbidden,
)
from components.ops.targets.kserve.inference_service import candidate_name, record_name
from components.ops.targets.kserve.rollout_store import ConfigMapStore
from components.ops.targets.protocol import ChampionChanged
from tests.unit.ops.targets.kserve_factories import WAYS, Toy, toy
from tests.unit.ops.targets.kserve_harness import NAMESPACE
from tests.unit.ops.targets.serving_factories import MODEL, make_model


def at(number: int, act: Callable[[], object]) -> tuple[Callable[[str, str], None], list[str]]:
    """Acts before the call of this number; the list tells what was called."""
    called: list[str] = []

    def before(verb: str, _: str) -> None:
        called.append(verb)
        if len(called) == number + 1:
            act()

    return before, called


def once(verb: str, act: Callable[[], object]) -> Callable[[str, str], None]:
    """Acts before the first call of a kind."""
    done: list[str] = []

    def before(called: str, _: str) -> None:
        if called == verb and not done:
            done.append(verb)
            act()

    return before


@pytest.mark.parametrize("way", WAYS)
def test_of_two_candidates_at_once_one_is_staged_and_neither_is_forgotten(
    tmp_path: Path, way: str
) -> None:
    """The other one stages before each of our calls in turn."""
    with toy(tmp_path, way) as begun:
        champion = begun.promote("v1")
        begun.keep()
        for number in itertools.count():
            made = begun.again()
            before, called = at(number, lambda made=made: made.stage("v3"))
            made.stage("v2", made.target_on(replace(made.world.cluster, before=before)))
            if len(called) <= number:
                break
            record = made.record
            assert record.candidate is not None
            ended = [one.version for one in record.outcomes if one.decision == "rolled_back"]
            assert sorted([record.candidate.version, *ended]) == ["v2", "v3"]
            assert made.target.champion() == champion
            assert made.world.traffic == {"v1": 100}
            made.target.wait_ready(record.candidate.version, 5)
            running = {pod.version for pod in made.target.view.pods()}
            assert running == {"v1", record.candidate.version}
    assert number > 8


@pytest.mark.parametrize("way", WAYS)
def test_a_first_model_staged_while_another_is_rolled_back_keeps_its_servers(
    tmp_path: Path, way: str
) -> None:
    with toy(tmp_path, way) as begun:
        begun.stage("v1")
        begun.keep()
        for number in itertools.count():
            made = begun.again()
            uids: list[str] = []

            def stage(made: Toy = made, uids: list[str] = uids) -> None:
                made.stage("v2")
                uids.append(made.world.services()[MODEL]["metadata"]["uid"])

            before, called = at(number, stage)
            target = made.target_on(replace(made.world.cluster, before=before))
            target.roll_back("v1", "bad")
            if len(called) <= number:
                break
            assert made.target.wait_ready("v2", 5)
            if called[number] != "delete":  # between the last look and the delete nothing helps
                assert made.world.services()[MODEL]["metadata"]["uid"] == uids[0]
    assert number > 8


@pytest.mark.parametrize("way", WAYS)
def test_of_two_first_models_at_once_one_is_staged(tmp_path: Path, way: str) -> None:
    with toy(tmp_path, way) as made:
        cluster = replace(made.world.cluster, before=once("create", lambda: made.stage("v2")))
        made.stage("v1", made.target_on(cluster))
        staged = made.target.staged()
        assert staged is not None
        assert staged.version == "v1"
        assert {pod.version for pod in made.target.view.pods()} == {"v1"}


@pytest.mark.parametrize("way", WAYS)
def test_a_promotion_meanwhile_stops_the_other_one(tmp_path: Path, way: str) -> None:
    with toy(tmp_path, way) as made:
        planned = made.promote("v1")
        folder = make_model(made.tmp, "v2")
        cluster = replace(made.world.cluster, before=once("replace", lambda: made.promote("v3")))
        with pytest.raises(ChampionChanged, match="version v3 serves"):
            made.target_on(cluster).stage(folder, made.candidate("v2"), planned)
        assert made.world.traffic == {"v3": 100}


def conflicts(times: int, verb: str) -> Callable[[str, str], None]:
    left = iter(range(times))

    def before(called: str, _: str) -> None:
        if called == verb and next(left, None) is not None:
            raise Conflict("the object has been modified")

    return before


@pytest.mark.parametrize("verb", ["replace", "apply"])
def test_a_storm_of_conflicts_passes_or_is_said(tmp_path: Path, verb: str) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        cluster = replace(made.world.cluster, before=conflicts(4, verb))
        made.stage("v2", made.target_on(cluster))
        assert made.target.staged() is not None
        made.target.wait_ready("v2", 5)


def test_conflicts_that_do_not_pass_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from components.ops.targets.kserve import rollout_store

    monkeypatch.setattr(rollout_store, "_MAX_BACKOFF_S", 0.001)
    with toy(tmp_path, "knative") as made:
        champion = made.promote("v1")
        endless = replace(made.world.cluster, before=conflicts(1000, "replace"))
        with pytest.raises(ApiUnavailable, match="ConfigMap toys/toy-ratoon"):
            made.stage("v2", made.target_on(endless))
        assert made.target.champion() == champion
        endless = replace(made.world.cluster, before=conflicts(1000, "apply"))
        with pytest.raises(Conflict, match="has been modified"):
            made.stage("v2", made.target_on(endless))


def test_a_field_that_somebody_else_owns_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.ops.targets.kserve import rollout_store

    monkeypatch.setattr(rollout_store, "_MAX_BACKOFF_S", 0.001)
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        service = dict(made.world.services()[MODEL])
        predictor = {**service["spec"]["predictor"], "minReplicas": 9}
        edited = {**service, "spec": {"predictor": predictor}}
        made.world.memory.acting_as("kubectl-edit").replace(INFERENCE_SERVICE, edited)
        with pytest.raises(Conflict, match=r"minReplicas \(owned by 'kubectl-edit'\)"):
            made.stage("v2")


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        made.world.memory = replace(
            made.world.memory,
            allows=lambda call: (call.verb, call.resource) != ("update", "configmaps"),
        )
        with pytest.raises(Forbidden, match="configmaps"):
            made.stage("v2")


def foreign(name: str, **labels: str) -> dict[str, object]:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": labels,
            "annotations": {"ratoon.dev/version": "x"},
        },
        "spec": {"predictor": {"minReplicas": 1, "model": {"storageUri": "s3://x"}}},
    }


def test_a_service_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with toy(tmp_path, "blue_green") as made:
        labels = {"app.kubernetes.io/name": MODEL}
        made.world.memory.acting_as("kubectl").create(INFERENCE_SERVICE, foreign(MODEL, **labels))
        for call in (made.target.champion, lambda: made.target.roll_back("v1", "x")):
            with pytest.raises(InputError, match="without a record"):
                call()
        folder = make_model(made.tmp, "v1")
        with pytest.raises(InputError, match="without a record"):
            made.target.stage(folder, made.candidate("v1"), None)
        assert list(made.world.services()) == [MODEL]
        assert ConfigMapStore(made.world.memory, NAMESPACE, MODEL).read() is None


def test_a_candidate_does_not_take_the_service_of_another_model(tmp_path: Path) -> None:
    with toy(tmp_path, "blue_green") as made:
        made.promote("v1")
        name = candidate_name(MODEL)
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "ratoon"}
        made.world.memory.create(INFERENCE_SERVICE, foreign(name, **labels))
        with pytest.raises(InputError, match="not Ratoon's, or of another model"):
            made.stage("v2")
        assert name in made.world.services()


@pytest.mark.parametrize("content", ["", "{", '{"format": 2, "model": "toy"}'])
def test_a_damaged_record_is_said_with_what_to_do(tmp_path: Path, content: str) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        kept = made.world.memory.get(CONFIG_MAP, NAMESPACE, record_name(MODEL))
        assert kept is not None
        made.world.memory.replace(CONFIG_MAP, {**kept, "data": {"record.json": content}})
        with pytest.raises(InputError, match="Restore a copy"):
            made.target.champion()


def test_the_record_says_why_it_was_changed(tmp_path: Path) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        kept = made.world.memory.get(CONFIG_MAP, NAMESPACE, record_name(MODEL))
        assert kept is not None
        metadata = kept["metadata"]
        assert metadata["annotations"] == {"ratoon.dev/why": "promote version v1: by the test"}
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "ratoon"


def test_reading_changes_nothing(tmp_path: Path) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        called: list[str] = []
        cluster = replace(made.world.cluster, before=lambda verb, _: called.append(verb))
        target = made.target_on(cluster)
        assert target.champion() is not None
        assert target.staged() is None
        assert target.outcome("v1") is not None
        assert target.address is not None
        assert target.no_canary_reason() is None
        target.traffic("v1")
        assert set(called) == {"get", "list"}


def test_a_mode_that_nobody_says_is_not_guessed(tmp_path: Path) -> None:
    with toy(tmp_path, "blue_green") as made:
        made.world.says_mode = False
        made.promote("v1")
        with pytest.raises(ApiUnavailable, match=r"\?mode=knative or \?mode=standard"):
            made.stage("v2")


def test_a_short_absence_of_the_api_server_is_waited_out(tmp_path: Path) -> None:
    with toy(tmp_path, "knative") as made:
        made.promote("v1")
        made.stage("v2")
        left = iter(range(5))

        def away(verb: str, _: str) -> None:
            if verb == "list" and next(left, None) is not None:
                raise ApiUnavailable("connection refused")

        made.target_on(replace(made.world.cluster, before=away)).wait_ready("v2", 5)
        with pytest.raises(StopIteration):
            next(left)
