"""``git+https://…@branch#folder``: the KServe rollout, written as commits to a repository."""

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, cast

from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import ApiRejected, ClusterError, DeadlineExceeded, InputError
from components.core.plan import Champion
from components.ops.cluster import connection
from components.ops.cluster.protocol import INFERENCE_SERVICE, KubeClient
from components.ops.git.address import is_branch_name
from components.ops.targets.base_target import approval_command
from components.ops.targets.git.branch import Branch
from components.ops.targets.git.git_store import GitStore
from components.ops.targets.kserve.cluster_view import ClusterView
from components.ops.targets.kserve.inference_service import VERSION, candidate_name, metadata_of
from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.protocol import Candidate, Endpoint, Staged
from components.ops.targets.rollout_state import with_promotion
from components.ops.targets.target_uri import GitTargetUri, check_model, parse_git_uri

_OWN_NAMESPACE = connection.ACCOUNT / "namespace"
_BY_REVIEW = "a person merged the branch that promotes it"
_PROPOSED = "For a person to merge: until then the version is staged and gets no traffic."


class Proposal(Enum):
    """The state of the branch that proposes a version."""

    MERGED = "merged: the version serves"
    OPEN = "open: a person has not decided"
    NONE = "none: it was rejected and removed, or there never was one"


@dataclass(frozen=True, kw_only=True)
class GitTarget(KServeTarget):
    """A folder of a repository and the cluster that follows it; see `Target` for the contract.

    Every change is a commit. The cluster serves it once Argo CD or Flux has applied it, which
    `wait_ready` and `promote` wait for.
    """

    rollout_store: GitStore
    target_uri: GitTargetUri
    _undo: ClassVar[str] = "Revert the commit that did so (git log names it)"

    @property
    def requires_approval(self) -> bool:
        """Whether the target says ``?review=branch``."""
        return self.target_uri.review

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder and commits the candidate, with its metrics."""
        self.rollout_store.evidence = _metric_lines(folder)
        return super().stage(folder, candidate, expected)

    def stage_previous(self, version: str, expected: Champion | None) -> Staged:
        """Commits an earlier champion as candidate, with its metrics of that time."""
        self.rollout_store.evidence = ()  # the history has it
        return super().stage_previous(version, expected)

    def wait_ready(self, version: str, timeout_s: float) -> Endpoint:
        """Waits until the cluster has followed and a server of the staged version is ready."""
        try:
            return super().wait_ready(version, timeout_s)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{self._not_followed(version)}{error}") from error

    def propose(self, version: str) -> str:
        """Pushes a branch with the commit that promotes the version; a person merges it."""
        self.shift(version, 0.0)
        onto = self._branch_of(version)
        if self.proposal(version) is not Proposal.OPEN:
            self.rollout_store.change(
                lambda record: with_promotion(self._verified(record), version, _BY_REVIEW),
                _PROPOSED,
                onto,
            )
        base, url = self.target_uri.address.at, self.target_uri.address.url
        reject = approval_command(self.uri, self.view.model, version, "reject")
        return (
            f"Merge the branch {onto} into {base} of {url}: its one commit promotes version "
            f"{version}. To reject it and remove the branch: {reject}"
        )

    def proposal(self, version: str) -> Proposal:
        """Returns the state of the version's branch, read from the repository."""
        serves = self.champion()
        if serves is not None and serves.version == version:
            return Proposal.MERGED
        there = self.rollout_store.branch.tip(self._branch_of(version))
        return Proposal.NONE if there is None else Proposal.OPEN

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Commits the promotion, unless every one is to be merged by a person.

        Raises:
            ApiRejected: The target says ``?review=branch`` and nobody merged it yet.
        """
        if self.target_uri.review and self.proposal(version) is not Proposal.MERGED:
            raise ApiRejected(f"?review=branch leaves it to a person. {self.propose(version)}")
        champion = super().promote(version, expected, reason)
        self._remove_branch(version)
        return champion

    def roll_back(self, version: str, reason: str) -> None:
        """Reverts the commits of the rollout, and removes the branch that proposed it."""
        self._remove_branch(version)
        super().roll_back(version, reason)

    def _remove_branch(self, version: str) -> None:
        # A remaining branch does no harm: it conflicts with the tip and cannot be merged.
        with suppress(ClusterError):
            self.rollout_store.branch.remove(self._branch_of(version))

    def _branch_of(self, version: str) -> str:
        name = f"ratoon/{self.view.model}-{version}"
        if not is_branch_name(name):
            raise InputError("version", version, "one that the name of a branch can hold")
        return name

    def _not_followed(self, version: str) -> str:
        """Describes what the cluster still has, if it is not what the repository says."""
        actual = {}
        for name in (self.view.model, candidate_name(self.view.model)):
            found = self.view.cluster.get(INFERENCE_SERVICE, self.view.namespace, name)
            if found is not None:
                actual[name] = metadata_of(found, "annotations").get(VERSION, "none")
        if version in actual.values():
            return ""
        names = ", ".join(f"{name} has version {has}" for name, has in actual.items())
        return (
            f"The cluster has not followed {self.target_uri.address.where}: in namespace "
            f"{self.view.namespace} "
            f"{names or 'there is no InferenceService of it'}. Check what applies the folder "
            "(the Argo CD Application or the Flux Kustomization).\n"
        )


def connect_git(target: str, model: str) -> GitTarget:
    """Returns the target of a URI, without a connection to repository or cluster.

    Without ``?namespace=`` the manifests name none, because a kustomization or Argo CD sets it, and
    the namespace of the pod that we run in is watched.

    Raises:
        InputError: The URI or the model's name cannot be used.
    """
    target_uri = parse_git_uri(target)
    name = check_model(model, target_uri.namespace, target_uri.mode)
    rollout_store = GitStore(Branch(target_uri.address), name, target_uri.namespace)
    namespace = namespace_of(target_uri)
    cluster = cast("KubeClient", LazyKubeClient(target_uri, namespace))
    view = ClusterView(cluster, namespace or "(unknown)", name)
    return GitTarget(
        rollout_store=rollout_store,
        view=view,
        uri=target,
        mode=target_uri.mode,
        target_uri=target_uri,
    )


@dataclass
class LazyKubeClient:
    """A `KubeClient` that connects on first use.

    What is read from the repository alone needs no cluster.
    """

    target_uri: GitTargetUri
    namespace: str | None
    _client: KubeClient | None = field(default=None, repr=False)

    def __getattr__(self, name: str) -> Any:
        """Returns the client's method; InputError if no cluster or namespace is known."""
        if name.startswith("_"):
            raise AttributeError(name)
        if self.namespace is None:
            raise InputError(
                "serving.target",
                self.target_uri.address.where,
                "a target that says where the cluster serves it: add ?namespace=<its namespace>",
                "In a pod of that namespace it may be left out.",
            )
        if self._client is None:
            self._client = connection.connect()
        return getattr(self._client, name)


def namespace_of(target_uri: GitTargetUri, own: Path = _OWN_NAMESPACE) -> str | None:
    """Returns ``?namespace=``, or else the namespace of our own pod, from its file `own`."""
    if target_uri.namespace is not None:
        return target_uri.namespace
    try:
        return own.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _metric_lines(folder: Path) -> tuple[str, ...]:
    """Returns the metrics in the model's card, for the message of the commit."""
    card = ModelCard.read(folder / MODEL_CARD)
    metrics = (
        f"{split} {name} {value:.6g}"
        for split, values in sorted(card.metrics.items())
        for name, value in sorted(values.items())
    )
    digests = (f"{what} {digest}" for what, digest in sorted(card.digests.items()))
    return (f"{card.method} on {card.rows:,} rows by run {card.run}", *metrics, *digests)
