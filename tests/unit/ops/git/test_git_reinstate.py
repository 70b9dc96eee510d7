"""An earlier champion serves again by commits, or by a branch that a person merges."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import InputError
from components.ops.rollout.manual import rollback
from components.ops.targets import connect, read_champion
from tests.unit.ops.git.following import Followed, followed
from tests.unit.ops.git.repositories import FOLDER, Bare
from tests.unit.ops.targets.kserve_factories import WAYS
from tests.unit.ops.targets.kserve_harness import NAMESPACE
from tests.unit.ops.targets.serving_factories import MODEL


@pytest.fixture(params=WAYS)
def toy(request: pytest.FixtureRequest, tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, request.param) as made:
        yield made


@pytest.fixture
def blue_green(tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, "blue_green") as made:
        yield made


def promoted(toy: Followed, *versions: str) -> None:
    for version in versions:
        toy.stage(version)
        toy.target.promote(version, toy.target.champion(), "it answered well")


def test_an_earlier_version_comes_back_by_two_commits(toy: Followed) -> None:
    promoted(toy, "v1", "v2")
    toy.await_traffic(v2=100)
    tip = toy.bare.tip()

    assert rollback(toy.target, None, "v2 answers nonsense").decision == "reinstated"

    toy.await_traffic(v1=100)
    subjects = [one.removeprefix(f"{MODEL}: ") for one in toy.bare.log("%s", f"{tip}..main")]
    assert subjects[0] == "version v1 serves instead of v2"
    assert subjects[-1] == "stage again version v1 beside version v2, without traffic"
    told = toy.bare.message()
    assert "v2 answers nonsense" in told
    assert "evidence\n  trained on 1,000 rows by run train-1\n" in told, "as it was staged first"
    tip = toy.bare.tip()
    assert rollback(toy.target, None, "again").decision == "serves already"
    assert toy.bare.tip() == tip


def test_where_a_person_merges_it_is_proposed(blue_green: Followed) -> None:
    promoted(blue_green, "v1", "v2")
    target = blue_green.target_of(f"{blue_green.bare.target}?namespace={NAMESPACE}&review=branch")

    done = rollback(target, None, "v2 is bad")

    assert done.decision == "proposed"
    assert done.to_do.startswith(f"Merge the branch ratoon/{MODEL}-v1 into main")
    serving = read_champion(blue_green.bare.target, MODEL)
    assert serving is not None
    assert serving.version == "v2"
    assert rollback(target, None, "v2 is bad").to_do == done.to_do
    proposed = connect(blue_green.bare.target.replace("@main", f"@ratoon/{MODEL}-v1"), MODEL)
    outcome = proposed.outcome("v1")
    assert outcome is not None
    assert outcome.decision == "reinstated"


def test_a_change_by_hand_is_undone_by_git(blue_green: Followed) -> None:
    promoted(blue_green, "v1")
    name = f"{FOLDER}/inferenceservice.yaml"
    text = blue_green.bare.files()["inferenceservice.yaml"].decode()
    changed = text.replace("ratoon.dev/version: v1", "ratoon.dev/version: v7")
    assert changed != text
    blue_green.bare.write({name: changed}, "by hand")

    with pytest.raises(InputError, match=r"by hand\. Revert the commit that did so"):
        rollback(blue_green.target, None, "")
