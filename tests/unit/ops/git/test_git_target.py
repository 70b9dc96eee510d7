"""Rollouts by commit: a repository on disk, and a cluster that follows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.core.errors import DeadlineExceeded, InputError
from components.ops.targets import read_champion
from components.ops.targets.git.target import connect_git, namespace_of
from components.ops.targets.protocol import CandidateGone, ChampionChanged
from components.ops.targets.target_uri import parse_git_uri
from tests.unit.ops.git.following import Followed, followed
from tests.unit.ops.git.repositories import FOLDER, Bare
from tests.unit.ops.targets.kserve_factories import WAYS
from tests.unit.ops.targets.serving_factories import MODEL


@pytest.fixture(params=WAYS)
def toy(request: pytest.FixtureRequest, tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, request.param) as made:
        yield made


@pytest.fixture
def blue_green(tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, "blue_green") as made:
        yield made


@pytest.fixture
def no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RATOON_KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def manifests(toy: Followed) -> dict[str, bytes]:
    return {name: text for name, text in toy.bare.files().items() if name != "record.json"}


def test_a_life_of_three_versions(toy: Followed) -> None:
    """The first one, one that is promoted step by step, and one that is taken back."""
    toy.stage("v1")
    assert toy.target.wait_ready("v1", 20).url.startswith("http://127.")
    toy.target.promote("v1", None, "the first one")
    toy.await_traffic(v1=100)

    toy.stage("v2")
    toy.target.wait_ready("v2", 20)
    champion = toy.target.champion()
    assert champion is not None
    assert champion.version == "v1"
    if toy.way != "blue_green":
        toy.target.shift("v2", 0.3)
        toy.await_traffic(v1=70, v2=30)
    toy.target.promote("v2", champion, "it answered 120 requests well")
    toy.await_traffic(v2=100)
    service = yaml.safe_load(toy.bare.files()["inferenceservice.yaml"])
    assert service["metadata"]["namespace"] == "toys"
    assert service["metadata"]["annotations"]["ratoon.dev/version"] == "v2"

    before = manifests(toy)
    toy.stage("v3")
    toy.target.wait_ready("v3", 20)
    assert manifests(toy) != before
    toy.target.roll_back("v3", "at 10% it was slow")
    toy.await_traffic(v2=100)
    assert manifests(toy) == before, "byte for byte"

    outcome = toy.target.outcome("v3")
    assert outcome is not None
    assert (outcome.decision, outcome.reason) == ("rolled_back", "at 10% it was slow")
    assert toy.target.staged() is None
    assert toy.target.champion() == read_champion(toy.bare.target, MODEL)
    assert len(toy.shared.world.services()) == 1
    subjects = [one.removeprefix(f"{MODEL}: ") for one in toy.bare.log("%s")]
    assert subjects[-4:] == [
        "stage version v2 beside version v1, without traffic",
        "version v1 serves, the first one",
        "stage version v1, without traffic",
        "first",
    ]
    assert "version v2 serves instead of v1" in subjects
    ended = ["version v2 has a revision of its own again"] if toy.way == "knative" else []
    ended += ["roll back version v3, version v2 goes on"]
    assert subjects[: len(ended)] == ended
    assert all(len(parents.split()) == 1 for parents in toy.bare.log("%P")), "one line"


def test_a_commit_tells_what_was_measured(blue_green: Followed) -> None:
    blue_green.stage("v1")

    assert "evidence\n  trained on 1,000 rows by run train-1\n" in blue_green.bare.message()


def test_steps_that_are_run_again_commit_nothing_twice(blue_green: Followed) -> None:
    blue_green.begin()
    blue_green.stage("v2")
    tip = blue_green.bare.tip()

    blue_green.stage("v2")
    blue_green.target.wait_ready("v2", 20)
    blue_green.target.shift("v2", 0.0)

    assert blue_green.bare.tip() == tip
    blue_green.target.promote("v2", blue_green.target.champion(), "good")
    tip = blue_green.bare.tip()
    blue_green.target.promote("v2", blue_green.target.champion(), "good")
    blue_green.target.roll_back("v2", "it is no candidate any more")
    assert blue_green.bare.tip() == tip


def test_another_champion_than_planned_stops_a_step(blue_green: Followed) -> None:
    blue_green.begin(candidate="v2")
    planned = blue_green.target.champion()
    promoted = blue_green.published("v3")
    blue_green.target.rollout_store.change(
        lambda r: r.model_copy(update={"champion": promoted}), ""
    )
    tip = blue_green.bare.tip()

    with pytest.raises(CandidateGone):
        blue_green.target.shift("v9", 0.5)
    with pytest.raises(ChampionChanged, match="when version v1 served, and now version v3 serves"):
        blue_green.target.promote("v2", planned, "good")
    assert blue_green.bare.tip() == tip


def test_a_cluster_that_does_not_follow_is_named(blue_green: Followed) -> None:
    blue_green.begin()
    blue_green.argo.is_paused = True
    blue_green.stage("v2")

    with pytest.raises(DeadlineExceeded) as caught:
        blue_green.target.wait_ready("v2", 0.2)

    told = str(caught.value)
    assert f"The cluster has not followed git+file://{blue_green.bare.path}@main#{FOLDER}" in told
    assert "toy has version v1" in told
    assert "the Argo CD Application or the Flux Kustomization" in told


def test_a_service_edited_by_hand_in_the_repository_stops_a_rollout(blue_green: Followed) -> None:
    blue_green.begin()
    name = f"{FOLDER}/inferenceservice.yaml"
    text = blue_green.bare.files()["inferenceservice.yaml"].decode()
    blue_green.bare.write({name: text.replace("flights/v1", "flights/elsewhere")}, "by hand")
    tip = blue_green.bare.tip()

    with pytest.raises(InputError, match="Somebody changed it by hand"):
        read_champion(blue_green.bare.target, MODEL)
    with pytest.raises(InputError, match="Somebody changed it by hand"):
        blue_green.stage("v2")
    assert blue_green.bare.tip() == tip


def test_a_revert_by_a_person_is_found_by_the_next_read(toy: Followed) -> None:
    toy.begin()
    before = toy.bare.files()
    now = toy.published("v2")
    toy.target.rollout_store.change(lambda r: r.model_copy(update={"champion": now}), "")
    toy.await_traffic(v2=100)
    restored = {f"{FOLDER}/{name}": content.decode() for name, content in before.items()}
    toy.bare.write(restored, 'Revert "v2"')

    champion = read_champion(toy.bare.target, MODEL)

    assert champion is not None
    assert champion.version == "v1"
    toy.await_traffic(v1=100)


@pytest.mark.usefixtures("no_cluster")
def test_the_champion_is_read_without_a_cluster(blue_green: Followed) -> None:
    assert read_champion(blue_green.bare.target, MODEL) is None
    blue_green.begin()

    champion = read_champion(blue_green.bare.target, MODEL)

    assert champion is not None
    assert (champion.version, champion.uri) == ("v1", "s3://models/flights/v1")


@pytest.mark.usefixtures("no_cluster")
@pytest.mark.parametrize(
    ("options", "told"),
    [("?namespace=toys", "no way to reach one"), ("", r"add \?namespace=<its namespace>")],
)
def test_nothing_is_committed_where_no_cluster_can_be_asked(
    blue_green: Followed, options: str, told: str
) -> None:
    tip = blue_green.bare.tip()

    with pytest.raises(InputError, match=told):
        blue_green.stage("v1", connect_git(blue_green.bare.target + options, MODEL))
    assert blue_green.bare.tip() == tip


def test_the_namespace_is_the_one_named_or_that_of_the_pod(tmp_path: Path, bare: Bare) -> None:
    plain, named = (
        parse_git_uri(bare.target),
        parse_git_uri(f"{bare.target}?namespace=staging"),
    )
    own = tmp_path / "namespace"

    assert namespace_of(plain, own) is None
    own.write_text("ratoon\n")
    assert namespace_of(plain, own) == "ratoon"
    assert namespace_of(named, own) == "staging"


def test_a_model_that_no_service_can_be_named_by_is_refused(bare: Bare) -> None:
    with pytest.raises(InputError, match="lower-case letter"):
        connect_git(bare.target, "Flights_1")
