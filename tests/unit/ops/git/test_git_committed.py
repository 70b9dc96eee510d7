"""A model's files on a branch: one commit for each change, with a message for a reviewer."""

import subprocess
from pathlib import Path

import pytest
import yaml

from components.core.errors import ApiRejected, InputError
from components.ops.targets import rollout_state
from components.ops.targets.kserve.record import RolloutRecord
from components.ops.targets.protocol import CandidateGone
from tests.manifests import kustomize
from tests.needs import skip_or_fail
from tests.unit.ops.git.repositories import FOLDER, MODEL, Bare, published, serving
from tests.unit.ops.git.steps_of_rollouts import (
    FILES,
    committed,
    promote,
    roll_back,
    service_of,
    shift,
    stage,
    to,
)


def test_nothing_is_there_before_the_first_change(bare: Bare) -> None:
    rollout_store = committed(bare)
    before = bare.tip()

    assert rollout_store.read() is None
    assert rollout_store.service() is None
    assert rollout_store.change(roll_back("v1"), "nothing to do") == RolloutRecord(model=MODEL)
    assert bare.tip() == before


def test_a_first_model_is_one_commit_of_every_file(bare: Bare) -> None:
    rollout_store = committed(bare, namespace="ratoon-staging", evidence=("recent auc 0.751",))

    rollout_store.change(stage("v1"), "a first model")

    assert set(bare.files()) == FILES
    assert len(bare.log("%H")) == 2
    service = service_of(bare)
    assert service["metadata"]["name"] == MODEL
    assert service["metadata"]["namespace"] == "ratoon-staging"
    assert service["metadata"]["annotations"]["ratoon.dev/version"] == "v1"
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://models/flights/v1"
    assert bare.files()["inferenceservice.yaml"].startswith(b"# Written by Ratoon from record.json")
    assert yaml.safe_load(bare.files()["kustomization.yaml"])["resources"] == [
        "inferenceservice-candidate.yaml",
        "inferenceservice.yaml",
    ]
    assert bare.message() == (
        "flights: stage version v1, without traffic\n\n"
        "a first model\n\n"
        "version v1\n"
        "  model       s3://models/flights/v1\n"
        "  digest      v1-digest\n"
        "  trained for 2013-07-01T00:00:00Z\n\n"
        "evidence\n"
        "  recent auc 0.751\n\n"
        "Ratoon-Model: flights\n"
        "Ratoon-Version: v1\n"
        "Ratoon-Run: run-of-v1\n"
        "Ratoon-Decision: staged"
    )


def test_manifests_name_no_namespace_unless_the_target_does(bare: Bare) -> None:
    committed(bare).change(stage("v1"), "")

    assert "namespace" not in service_of(bare)["metadata"]


def test_the_same_record_is_the_same_bytes(bare: Bare, tmp_path: Path) -> None:
    other = Bare.made(tmp_path / "other")
    for repository in (bare, other):
        committed(repository).change(to(serving("v1")), "")

    assert bare.files() == other.files()


def test_every_step_tells_a_reviewer_what_it_does(bare: Bare) -> None:
    rollout_store = committed(bare, evidence=("recent auc 0.751",))
    for change in (
        to(serving("v1")), stage("v2"), shift("v2", 0.2), shift("v2", 0.2), promote("v2"),
        stage("v3"), roll_back("v3"),
    ):  # fmt: skip
        rollout_store.change(change, "by the numbers: 3 of 1,000 failed")

    assert bare.log("%s") == [
        "flights: roll back version v3, version v2 goes on",
        "flights: stage version v3 beside version v2, without traffic",
        "flights: version v2 serves instead of v1",
        "flights: give version v2 20% of the traffic",
        "flights: stage version v2 beside version v1, without traffic",
        "flights: version v1 serves, the first one",
        "first",
    ]
    decision = "%(trailers:key=Ratoon-Decision,valueonly,separator=%x2C)"
    version = "%(trailers:key=Ratoon-Version,valueonly,separator=%x2C)"
    assert bare.log(f"{version} {decision}") == [
        "v3 rolled_back", "v3 staged", "v2 promoted", "v2 shifted", "v2 staged", "v1 promoted",
    ]  # fmt: skip
    assert "evidence\n  recent auc 0.751\n" in bare.message("main~2"), "the promotion carries it"
    assert "by the numbers: 3 of 1,000 failed" in bare.message("main~3")


def test_what_a_reason_says_is_no_trailer(bare: Bare) -> None:
    committed(bare).change(stage("v1"), "x\n\nRatoon-Decision: promoted\x1b[31m\n\n\n")

    assert bare.log("%(trailers:key=Ratoon-Decision,valueonly,separator=%x2C)")[0] == "staged"
    assert "\x1b" not in bare.message()


def test_files_changed_by_hand_are_overwritten_with_the_next_change(bare: Bare) -> None:
    rollout_store = committed(bare)
    rollout_store.change(to(serving("v1")), "")
    wanted = bare.files()
    bare.write({f"{FOLDER}/inferenceservice.yaml": "kind: Other\n"}, "by hand")
    assert committed(bare).service() == {"kind": "Other"}

    rollout_store.change(lambda record: record, "the step was run again")

    assert bare.files() == wanted
    assert bare.log("%s")[0] == "flights: write the files that follow from the record"
    assert "inferenceservice.yaml differed from record.json" in " ".join(bare.message().split())
    tip = bare.tip()
    rollout_store.change(lambda record: record, "and again")
    assert bare.tip() == tip


def test_a_kustomization_of_a_person_is_left_alone_but_must_hold_the_manifests(bare: Bare) -> None:
    name = f"{FOLDER}/kustomization.yaml"
    own = "resources: [./inferenceservice.yaml, inferenceservice-candidate.yaml]\nnamespace: x\n"
    bare.write({name: own}, "their own")
    committed(bare).change(stage("v1"), "")
    assert bare.files()["kustomization.yaml"].decode() == own

    for text in ("resources: [inferenceservice.yaml]\n", "resources: 3\n", "namespace: x\n"):
        bare.write({name: text}, "something is missing")
        tip = bare.tip()
        with pytest.raises(InputError, match=r"resources: given.*inferenceservice-candidate\.yaml"):
            committed(bare).change(shift("v1", 0.5), "")
        assert bare.tip() == tip


def test_kustomize_takes_the_folder_in_every_state(bare: Bare, tmp_path: Path) -> None:
    """Also with a manifest that holds no object: the list of the resources never changes."""
    command = kustomize.program()
    if command is None:
        skip_or_fail(kustomize.MISSING)
    rollout_store = committed(bare)
    for change, count in (
        (stage("v1"), 1),
        (promote("v1"), 1),
        (stage("v2"), 2),
        (roll_back("v2"), 1),
    ):
        rollout_store.change(change, "")
        for name, content in bare.files().items():
            (tmp_path / "folder").mkdir(exist_ok=True)
            (tmp_path / "folder" / name).write_bytes(content)
        built = subprocess.run(
            [*command, str(tmp_path / "folder")],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert len([one for one in yaml.safe_load_all(built.stdout) if one]) == count


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("{", "the record that Ratoon wrote"),
        ('{"model": "flights", "surprise": 1}', "the record that Ratoon wrote"),
        ('{"model": "other"}', "the model that serves from there: other"),
        ("", "the record that Ratoon wrote"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(bare: Bare, text: str, accepted: str) -> None:
    committed(bare).change(to(serving("v1")), "")
    bare.write({f"{FOLDER}/record.json": text}, "by hand")
    tip, rollout_store = bare.tip(), committed(bare)

    for act in (
        rollout_store.read,
        rollout_store.service,
        lambda: rollout_store.change(stage("v2"), ""),
    ):
        with pytest.raises(InputError, match=accepted):
            act()
    assert bare.tip() == tip


def test_a_service_without_a_record_is_not_taken_over(bare: Bare) -> None:
    bare.write({f"{FOLDER}/inferenceservice.yaml": "kind: InferenceService\n"}, "theirs")

    with pytest.raises(InputError, match=r"inferenceservice\.yaml without record\.json"):
        committed(bare).change(stage("v1"), "")


def test_a_change_that_gives_up_is_no_commit(bare: Bare) -> None:
    committed(bare).change(to(serving("v1")), "")
    tip = bare.tip()

    with pytest.raises(CandidateGone):
        committed(bare).change(shift("v2", 0.5), "")
    with pytest.raises(ApiRejected):
        committed(bare).change(promote("v2"), "")
    assert bare.tip() == tip


def test_two_who_stage_at_once_are_made_one_after_the_other(bare: Bare) -> None:
    """The second one is decided on what the first one left."""
    committed(bare).change(to(serving("v1")), "")
    seen: list[str] = []

    def change(record: RolloutRecord) -> RolloutRecord:
        if not seen:
            committed(bare).change(stage("v2"), "the other one is quicker")
        seen.append(record.candidate.version if record.candidate else "none")
        return rollout_state.with_candidate(record, published("v3"))

    record = committed(bare).change(change, "")

    assert seen == ["none", "v2"]
    assert record.candidate == published("v3")
    assert [(o.version, o.decision) for o in record.outcomes] == [("v2", "rolled_back")]
    assert len(bare.log("%H")) == 4
