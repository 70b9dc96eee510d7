"""What is read of an address and of an InferenceService: tables by the pure functions."""

from typing import Any

import pytest

from components.core.errors import ApiUnavailable, InputError
from components.ops.targets import rollout_state
from components.ops.targets.kserve.cluster_view import (
    check_mode,
    is_rolled_out,
    mode_of,
    newest_revision,
    strategy_of,
)
from components.ops.targets.kserve.inference_service import desired_services
from components.ops.targets.kserve.record import Mode, RolloutRecord, Strategy
from components.ops.targets.kserve.rollout_store import verify_record
from components.ops.targets.target_uri import KServeTargetUri, check_model, parse_kserve_uri
from tests.fakes.schemas import inference_services
from tests.unit.ops.targets.test_targets_kserve_objects import BARE, SERVING, published, under_way


@pytest.mark.parametrize(
    ("target", "target_uri"),
    [
        ("kserve://ratoon", KServeTargetUri("ratoon")),
        ("kserve://a1-b?mode=knative", KServeTargetUri("a1-b", Mode.KNATIVE)),
        ("kserve://ratoon?mode=standard", KServeTargetUri("ratoon", Mode.STANDARD)),
    ],
)
def test_addresses(target: str, target_uri: KServeTargetUri) -> None:
    assert parse_kserve_uri(target) == target_uri
    assert str(target_uri) == target


@pytest.mark.parametrize(
    "target",
    [
        "kserve://",
        "kserve://Big",
        "kserve://a_b",
        "kserve://-a",
        "kserve://a/b",
        "kserve://" + "a" * 64,
        "kserve://a?mode=",
        "kserve://a?mode=Knative",
        "kserve://a?replicas=2",
    ],
)
def test_an_address_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(InputError, match=r"serving\.target"):
        parse_kserve_uri(target)


def test_a_model_needs_a_name_that_kserve_can_make_longer_ones_of() -> None:
    assert check_model("a" * 40) == "a" * 40
    for name in ("a" * 41, "1a", "a_b", "a-"):
        with pytest.raises(InputError, match="name"):
            check_model(name)


def isvc(status: dict[str, Any] | None = None, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, **({"status": status} if status else {})}


MODE = "serving.kserve.io/deploymentMode"
REVISIONS = {"components": {"predictor": {"latestCreatedRevision": "toy-1"}}}


@pytest.mark.parametrize(
    ("service", "mode"),
    [
        (None, None),
        (isvc(), None),
        (isvc({"deploymentMode": "Knative"}), Mode.KNATIVE),
        (isvc({"deploymentMode": "Serverless"}), Mode.KNATIVE),
        (isvc({"deploymentMode": "Standard"}), Mode.STANDARD),
        (isvc({"deploymentMode": "RawDeployment"}), Mode.STANDARD),
        (isvc({"deploymentMode": "ModelMesh"}), None),
        (isvc({"deploymentMode": "Standard"}, **{MODE: "Knative"}), Mode.STANDARD),
        (isvc(**{MODE: "Standard"}), Mode.STANDARD),
        (isvc(REVISIONS), Mode.KNATIVE),
    ],
)
def test_the_mode_is_read(service: dict[str, Any] | None, mode: Mode | None) -> None:
    assert mode_of(service) is mode


def test_a_target_cannot_name_another_mode_than_the_model_runs_in() -> None:
    runs = isvc({"deploymentMode": "Standard"})
    assert check_mode(runs, Mode.STANDARD) is Mode.STANDARD
    assert check_mode(None, Mode.KNATIVE) is Mode.KNATIVE
    with pytest.raises(InputError, match=r"\?mode=knative"):
        check_mode(runs, Mode.KNATIVE)


@pytest.mark.parametrize(
    ("mode", "has_canary", "strategy"),
    [
        (Mode.KNATIVE, False, Strategy.KNATIVE),
        (Mode.KNATIVE, True, Strategy.KNATIVE),
        (Mode.STANDARD, True, Strategy.CANARY),
        (Mode.STANDARD, False, Strategy.BLUE_GREEN),
    ],
)
def test_the_strategy(mode: Mode, has_canary: bool, strategy: Strategy) -> None:
    assert strategy_of(mode, inference_services(has_canary), "x") is strategy


def test_what_is_not_known_is_no_reason_to_leave_out_a_canary() -> None:
    with pytest.raises(ApiUnavailable, match="does not say how"):
        strategy_of(None, inference_services(canary=True), "x")
    with pytest.raises(ApiUnavailable, match="does not publish the schema"):
        strategy_of(Mode.STANDARD, None, "x")


def service_of(record: RolloutRecord, **annotations: str) -> dict[str, Any]:
    made = desired_services(record, "ns")[0]
    metadata = made["metadata"]
    return {
        **made,
        "metadata": {**metadata, "annotations": {**metadata["annotations"], **annotations}},
    }


UNDER_WAY = under_way(Strategy.KNATIVE, 0.5)
BACK = rollout_state.without_candidate(UNDER_WAY, "v2", "bad")
PROMOTED = rollout_state.with_promotion(UNDER_WAY, "v2", "good")


@pytest.mark.parametrize(
    ("record", "service"),
    [
        (SERVING, service_of(SERVING)),
        (UNDER_WAY, service_of(UNDER_WAY)),
        (UNDER_WAY, service_of(SERVING)),  # killed before the candidate was applied
        (BACK, service_of(UNDER_WAY)),  # killed before it was taken out
        (PROMOTED, service_of(SERVING)),  # killed before the promotion was applied
    ],
)
def test_a_service_may_lag_behind_its_record(record: RolloutRecord, service: Any) -> None:
    assert verify_record(record, service, "x") == record


def test_without_a_service_nothing_serves_but_the_champion_is_remembered() -> None:
    record = verify_record(SERVING, None, "x")
    assert record.champion is None
    assert record.previous == (published("v1"),)
    assert verify_record(BARE, None, "x") == BARE


def uri_changed() -> dict[str, Any]:
    made = service_of(SERVING)
    predictor = made["spec"]["predictor"]
    model = {**predictor["model"], "storageUri": "s3://else/where"}
    return {**made, "spec": {"predictor": {**predictor, "model": model}}}


def labels_removed() -> dict[str, Any]:
    made = service_of(SERVING)
    return {**made, "metadata": {**made["metadata"], "labels": {}}}


@pytest.mark.parametrize(
    ("record", "service", "told"),
    [
        (BARE, service_of(SERVING), "without a record"),
        (SERVING, labels_removed(), "without a record"),
        (SERVING, {"metadata": {"name": "toy"}}, "without a record"),
        (SERVING, uri_changed(), "s3://else/where"),
        (SERVING, service_of(SERVING, **{"ratoon.dev/version": "v7"}), "v7"),
        (SERVING, service_of(SERVING, **{"ratoon.dev/digest": "other"}), "other"),
    ],
)
def test_what_somebody_else_wrote_is_said_and_not_taken_for_nothing(
    record: RolloutRecord, service: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        verify_record(record, service, "InferenceService ns/toy")


@pytest.mark.parametrize(
    ("created", "ready", "rolled_out", "newest", "is_out"),
    [
        ("", "", "", None, False),
        ("r1", "", "", None, False),
        ("r1", "r1", "", "r1", False),
        ("r1", "r1", "r1", "r1", True),
        ("r2", "r1", "r1", None, False),
        ("r2", "r2", "r1", "r2", False),
        ("r2", "r1", "r2", None, True),
    ],
)
def test_revisions(
    created: str, ready: str, rolled_out: str, newest: str | None, is_out: bool
) -> None:
    predictor = {
        "latestCreatedRevision": created,
        "latestReadyRevision": ready,
        "latestRolledoutRevision": rolled_out,
    }
    service = isvc({"components": {"predictor": predictor}})
    assert newest_revision(service) == newest
    assert is_rolled_out(service) is is_out
