"""A person decides by merging a branch, or by removing it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.artifacts import DEPLOYMENT
from components.core.errors import ApiRejected
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.run import RolloutOutputs, roll_out
from components.ops.targets import read_champion
from components.ops.targets.git.target import Proposal
from components.ops.targets.protocol import CandidateGone
from tests.unit.ops.git.following import Followed, followed
from tests.unit.ops.git.repositories import Bare, git
from tests.unit.ops.targets.kserve_factories import WAYS
from tests.unit.ops.targets.kserve_harness import NAMESPACE
from tests.unit.ops.targets.serving_factories import MODEL, make_plan

BRANCH = f"ratoon/{MODEL}-v2"


@pytest.fixture(params=WAYS)
def toy(request: pytest.FixtureRequest, tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, request.param) as made:
        made.begin(candidate="v2")
        yield made


@pytest.fixture
def blue_green(tmp_path: Path, bare: Bare) -> Iterator[Followed]:
    with followed(tmp_path, bare, "blue_green") as made:
        made.begin(candidate="v2")
        yield made


def as_champion(toy: Followed) -> str:
    champion = read_champion(toy.bare.target, MODEL)
    assert champion is not None
    return champion.version


def merge(toy: Followed, *how: str) -> str:
    """Merges the branch as a person does; what git said."""
    git(toy.tmp, "clone", "-q", str(toy.bare.path), "reviewer")
    try:
        said = git(toy.tmp / "reviewer", "merge", *how, f"origin/{BRANCH}")
    except subprocess.CalledProcessError as error:
        return str(error.stdout)
    if "--squash" in how:
        git(toy.tmp / "reviewer", "commit", "-q", "-m", "squashed")
    git(toy.tmp / "reviewer", "push", "-q", "origin", "main")
    return said


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only", "--squash"])
def test_a_merged_branch_promotes(blue_green: Followed, how: str) -> None:
    tip = blue_green.bare.tip()

    told = blue_green.target.propose("v2")

    assert blue_green.bare.tip() == tip, "main is as it was"
    assert told.startswith(f"Merge the branch {BRANCH} into main of file://{blue_green.bare.path}")
    assert blue_green.bare.log("%P", BRANCH)[0] == tip
    assert "For a person to merge" in blue_green.bare.message(BRANCH)
    assert blue_green.target.proposal("v2") is Proposal.OPEN
    assert as_champion(blue_green) == "v1"
    blue_green.bare.write(
        {"README.md": "of another team"}, "meanwhile"
    ) if how != "--ff-only" else None
    merge(blue_green, *([how] if how != "--no-ff" else [how, "-m", "merged"]))
    assert as_champion(blue_green) == "v2"
    assert blue_green.target.proposal("v2") is Proposal.MERGED
    assert blue_green.target.staged() is None
    blue_green.await_traffic(v2=100)
    # What a step does that finds it so: nothing but to remove the branch.
    tip = blue_green.bare.tip()
    blue_green.target.promote("v2", blue_green.target.champion(), "merged")
    assert blue_green.bare.tip() == tip
    assert blue_green.target.rollout_store.branch.tip(BRANCH) is None


def test_a_merged_branch_moves_the_traffic_in_every_mode(toy: Followed) -> None:
    toy.target.propose("v2")
    merge(toy, "--ff-only")

    toy.await_traffic(v2=100)
    assert as_champion(toy) == "v2"


def test_a_removed_branch_leaves_the_champion(blue_green: Followed) -> None:
    blue_green.target.propose("v2")
    git(blue_green.bare.path, "branch", "-q", "-D", BRANCH)

    assert blue_green.target.proposal("v2") is Proposal.NONE
    assert as_champion(blue_green) == "v1"
    staged = blue_green.target.staged()
    assert staged is not None
    assert staged.share == 0
    # The next candidate takes its place.
    blue_green.stage("v3")
    outcome = blue_green.target.outcome("v2")
    assert outcome is not None
    assert (outcome.decision, "v3" in outcome.reason) == ("rolled_back", True)


def test_a_refusal_removes_the_branch(blue_green: Followed) -> None:
    blue_green.target.propose("v2")

    blue_green.target.roll_back("v2", "decided by a person")

    assert blue_green.target.rollout_store.branch.tip(BRANCH) is None
    assert as_champion(blue_green) == "v1"
    assert blue_green.target.staged() is None


def test_a_branch_that_was_left_behind_cannot_be_merged(blue_green: Followed) -> None:
    blue_green.target.propose("v2")
    kept = blue_green.bare.tip(BRANCH)
    blue_green.target.roll_back("v2", "decided by a person")
    git(blue_green.bare.path, "branch", "-q", BRANCH, kept)

    assert "CONFLICT" in merge(blue_green, "--no-edit")


def test_a_proposal_that_is_made_again_is_the_same(blue_green: Followed) -> None:
    told = blue_green.target.propose("v2")
    kept = blue_green.bare.tip(BRANCH)

    assert blue_green.target.propose("v2") == told
    assert blue_green.bare.tip(BRANCH) == kept


def test_only_what_is_staged_is_proposed(blue_green: Followed) -> None:
    with pytest.raises(CandidateGone):
        blue_green.target.propose("v9")
    assert blue_green.target.rollout_store.branch.tip(f"ratoon/{MODEL}-v9") is None


def test_a_target_may_leave_every_promotion_to_a_person(blue_green: Followed) -> None:
    target = blue_green.target_of(f"{blue_green.bare.target}?namespace={NAMESPACE}&review=branch")

    with pytest.raises(ApiRejected, match=rf"leaves it to a person\. Merge the branch {BRANCH}"):
        target.promote("v2", target.champion(), "good")
    assert as_champion(blue_green) == "v1"
    merge(blue_green, "--ff-only")
    assert target.promote("v2", target.champion(), "good").version == "v2"


def test_a_rollout_there_proposes_before_any_live_traffic(
    blue_green: Followed, tmp_path: Path
) -> None:
    """With no word of it in the spec, and canary steps that it would have walked."""
    uri = f"{blue_green.bare.target}?namespace={NAMESPACE}&review=branch"
    target = blue_green.target_of(uri)
    champion, staged = target.champion(), target.staged()
    assert staged is not None
    Deployment(
        target=uri, model=MODEL, version="v2", uri=staged.uri, digest=staged.digest,
        champion=champion, address=None,
    ).write(tmp_path / "deployment" / DEPLOYMENT)  # fmt: skip
    plan = make_plan(tmp_path, uri, champion, serving={"store": f"file://{tmp_path}/store"})
    outputs = RolloutOutputs(tmp_path / "rollout", tmp_path / "rollout.html")

    verdict = roll_out(plan, tmp_path / "deployment", "run-1", outputs)

    assert verdict.decision == "proposed"
    assert "waits for a person (as serving.target says): Merge the branch" in verdict.reason
    assert as_champion(blue_green) == "v1"
    merge(blue_green, "--ff-only")
    assert as_champion(blue_green) == "v2"
