"""``git+https://…@branch#folder``: commits to a repository that a cluster follows."""

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, cast

from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import ApiRejected, ClusterError, DeadlineExceeded, InputError
from components.core.plan import Champion
from components.ops.cluster.protocol import INFERENCE_SERVICE
from components.ops.git.address import is_branch_name
from components.ops.targets import changes
from components.ops.targets.git.cluster import FollowingCluster, namespace_of
from components.ops.targets.git.committed import Committed
from components.ops.targets.git.place import GitPlace, parse_place
from components.ops.targets.git.repository import Branch
from components.ops.targets.kserve.names import VERSION, candidate_name, metadata
from components.ops.targets.kserve.place import check_model
from components.ops.targets.kserve.record import RolloutRecord
from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.kserve.view import View
from components.ops.targets.protocol import Candidate, Endpoint, Staged

_BY_REVIEW = "a person merged the branch that promotes it"
_PROPOSED = "For a person to merge: until then the version is staged and gets no traffic."


class Proposal(Enum):
    """What became of the branch by which a version was proposed."""

    MERGED = "merged: the version serves"
    OPEN = "open: a person has not decided"
    NONE = "none: it was refused and removed, or there never was one"


@dataclass(frozen=True, kw_only=True)
class GitTarget(KServeTarget):
    """A folder of a repository and the cluster that follows it; see `Target` for the promises.

    Every change is a commit. The cluster serves it once Argo CD or Flux has applied it, which
    `reach` and `promote` wait for.

    Attributes:
        desired: The folder.
        place: Repository, branch, folder and options.
    """

    desired: Committed
    place: GitPlace
    _undo: ClassVar[str] = "Revert the commit that did so (git log names it)"

    @property
    def leaves_to_person(self) -> bool:
        """Whether the target says ``?review=branch``."""
        return self.place.review

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder and commits the candidate, with what was measured of it."""
        self.desired.evidence = _measured(folder)
        return super().stage(folder, candidate, expected)

    def bring_back(self, version: str, expected: Champion | None) -> Staged:
        """Commits an earlier champion as candidate, with what was measured of it then."""
        self.desired.evidence = ()  # the history has it
        return super().bring_back(version, expected)

    def reach(self, version: str, timeout_s: float) -> Endpoint:
        """Waits until the cluster has followed and a server of the staged version is ready."""
        try:
            return super().reach(version, timeout_s)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{self._not_followed(version)}{error}") from error

    def propose(self, version: str) -> str:
        """Pushes a branch with the commit that promotes the version; a person merges it."""
        self.shift(version, 0.0)
        onto = self._branch_of(version)
        if self.proposal(version) is not Proposal.OPEN:
            self.desired.propose(lambda record: self._merged(record, version), _PROPOSED, onto)
        base, url = self.place.address.at, self.place.address.url
        refuse = (
            f"python -m components.ops.rollout.approve '{self.uri}' {self.view.model} {version}"
        )
        return (
            f"Merge the branch {onto} into {base} of {url}: its one commit promotes version "
            f"{version}. To refuse it, close it and remove the branch: {refuse} --reject"
        )

    def proposal(self, version: str) -> Proposal:
        """What became of the version's branch, as the repository says now."""
        serves = self.champion()
        if serves is not None and serves.version == version:
            return Proposal.MERGED
        there = self.desired.branch.tip(self._branch_of(version))
        return Proposal.NONE if there is None else Proposal.OPEN

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Commits the promotion, unless every one is to be merged by a person.

        Raises:
            ApiRejected: The target says ``?review=branch`` and nobody merged it yet.
        """
        if self.place.review and self.proposal(version) is not Proposal.MERGED:
            raise ApiRejected(f"?review=branch leaves it to a person. {self.propose(version)}")
        champion = super().promote(version, expected, reason)
        self._remove_branch(version)
        return champion

    def roll_back(self, version: str, reason: str) -> None:
        """Reverts the commits of the rollout, and removes the branch that proposed it."""
        self._remove_branch(version)
        super().roll_back(version, reason)

    def _merged(self, record: RolloutRecord, version: str) -> RolloutRecord:
        return changes.promoted(self._standing(record), version, _BY_REVIEW)

    def _remove_branch(self, version: str) -> None:
        # Left behind it does no harm: it conflicts with what stands, and cannot be merged.
        with suppress(ClusterError):
            self.desired.branch.remove(self._branch_of(version))

    def _branch_of(self, version: str) -> str:
        name = f"ratoon/{self.view.model}-{version}"
        if not is_branch_name(name):
            raise InputError("version", version, "one that the name of a branch can hold")
        return name

    def _not_followed(self, version: str) -> str:
        """Says what the cluster still has, where it is not what the repository says."""
        seen = {}
        for name in (self.view.model, candidate_name(self.view.model)):
            found = self.view.cluster.get(INFERENCE_SERVICE, self.view.namespace, name)
            if found is not None:
                seen[name] = metadata(found, "annotations").get(VERSION, "none")
        if version in seen.values():
            return ""
        names = ", ".join(f"{name} has version {said}" for name, said in seen.items())
        return (
            f"The cluster has not followed {self.place.where}: in namespace {self.view.namespace} "
            f"{names or 'there is no InferenceService of it'}. Look at what applies the folder "
            "(the Argo CD Application or the Flux Kustomization).\n"
        )


def connect_git(target: str, model: str) -> GitTarget:
    """The target of an address; neither repository nor cluster is reached by this alone.

    The namespace that is watched is the one that ``?namespace=`` names, and the manifests name it
    too. Without it they name none, so that a kustomization or Argo CD says it, and the namespace
    of the pod that we are in is watched. The folder's name says nothing about it.

    Args:
        target: ``git+https://host/repository@branch#folder``, with options.
        model: The model's name.

    Raises:
        InputError: The address or the model's name cannot be used.
    """
    place, name = parse_place(target), check_model(model)
    desired = Committed(Branch(place.address), name, place.namespace)
    namespace = namespace_of(place)
    cluster = cast("Cluster", FollowingCluster(place, namespace))
    view = View(cluster, namespace or "(unknown)", name)
    return GitTarget(desired=desired, view=view, uri=target, mode=place.mode, place=place)


def _measured(folder: Path) -> tuple[str, ...]:
    """What the model's card says of it, for the message of the commit."""
    card = ModelCard.read(folder / MODEL_CARD)
    metrics = (
        f"{split} {name} {value:.6g}"
        for split, values in sorted(card.metrics.items())
        for name, value in sorted(values.items())
    )
    digests = (f"{what} {digest}" for what, digest in sorted(card.digests.items()))
    return (f"{card.method} on {card.rows:,} rows by run {card.run}", *metrics, *digests)
