"""What every place that models are deployed to can do, and what passes through it.

A rollout in four words: `stage` brings a candidate up beside the champion without traffic,
`shift` gives it a share, and `promote` or `roll_back` ends it. The target itself remembers the
rollout, so each call may be made again after an interruption and finds what it made before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from components.core.artifacts import Record
from components.core.errors import ApiRejected
from components.core.plan import Champion
from components.core.spans import Instant
from components.core.spec.operation import Serving
from components.ops.targets.traffic import Traffic


class ChampionChanged(ApiRejected):
    """Another champion serves than the one that the plan was made for; nothing was changed.

    Args:
        planned: The champion that was expected.
        serving: The one that serves.
    """

    def __init__(self, planned: Champion | None, serving: Champion | None) -> None:
        self.planned, self.serving = planned, serving
        super().__init__(
            f"the plan was made when {name_of(planned)} served, and now {name_of(serving)} serves"
        )


class CandidateGone(ApiRejected):
    """The candidate is not staged any more: rolled back, or replaced by a newer one."""


class Candidate(Record):
    """A model that is to be deployed.

    Attributes:
        model: The model's name, by which the server is asked.
        version: Its version.
        run: The run that deploys it.
        as_of: The instant that it was trained for.
        serving: How it is to serve: replicas, resources, the prediction log.
    """

    model: str
    version: str
    run: str
    as_of: Instant
    serving: Serving


class Staged(Record):
    """A candidate that has a server: the rollout under way.

    Attributes:
        version: Its version.
        uri: Where its published model folder is.
        digest: Digest of that folder.
        run: The run that staged it.
        as_of: The instant that it was trained for.
        share: The share of the traffic that it gets.
    """

    version: str
    uri: str
    digest: str
    run: str
    as_of: Instant
    share: float

    def as_champion(self) -> Champion:
        """What it is once it is promoted."""
        return Champion(**self.model_dump(exclude={"share"}))


class Outcome(Record):
    """How the rollout of a version ended; the target remembers the last few.

    Restored is an earlier champion that was promoted again.
    """

    version: str
    decision: Literal["promoted", "restored", "rolled_back"]
    reason: str


class Endpoint(Record):
    """Where one version answers before and beside the shared address.

    Attributes:
        url: Base URL, without a slash at its end.
        headers: What each request must carry, such as a host name for routing.
    """

    url: str
    headers: Mapping[str, str] = {}


class Target(Protocol):
    """A place that models of one name are deployed to."""

    @property
    def address(self) -> str | None:
        """The URL that clients use, the same through every switch; None before there is one."""

    @property
    def leaves_to_person(self) -> bool:
        """Whether every promotion is to be proposed here, whatever the spec says."""

    def champion(self) -> Champion | None:
        """What serves now; None: nothing does."""

    def staged(self) -> Staged | None:
        """The rollout under way, if there is one."""

    def outcome(self, version: str) -> Outcome | None:
        """How an earlier rollout of this version ended, if the target remembers."""

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes a model folder and starts it at share 0.

        The same candidate again is found, not made twice; another one left staged is replaced. A
        candidate that serves already, because its rollout ended before, is returned at share 1.

        Args:
            folder: The model folder.
            candidate: What it is.
            expected: The champion of the plan.

        Raises:
            ChampionChanged: Another champion serves.
        """

    def restorable(self) -> tuple[Champion, ...]:
        """The earlier champions that are kept, newest first."""

    def bring_back(self, version: str, expected: Champion | None) -> Staged:
        """Stages an earlier champion, as it served then, from its folder that was kept.

        The same one again is found, not made twice; another one left staged is replaced.

        Args:
            version: One of `restorable`.
            expected: The champion that it is to replace.

        Raises:
            InputError: It is not kept, or its folder is gone or has other bytes.
            ChampionChanged: Another champion serves.
        """

    def reach(self, version: str, timeout_s: float) -> Endpoint:
        """Waits until the staged version is ready to answer.

        Raises:
            DeadlineExceeded: It did not become ready, or ended; the message holds its last words.
            CandidateGone: It is not staged.
        """

    def shift(self, version: str, share: float) -> None:
        """Gives the staged version a share of the traffic.

        Raises:
            CandidateGone: It is not staged.
        """

    def obstacle(self) -> str | None:
        """Why the traffic cannot be shared between two versions here; None: it can be."""

    def propose(self, version: str) -> str:
        """Leaves the decision on the staged version to a person; it gets no traffic meanwhile.

        Returns:
            What the person does, in one sentence.

        Raises:
            CandidateGone: It is not staged.
        """

    def traffic(self, version: str) -> Traffic:
        """What a version has answered so far.

        Raises:
            ApiUnavailable: It cannot be asked just now.
        """

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Makes the staged version the champion, and ends the old one when it is drained.

        Raises:
            ChampionChanged: Another champion serves than expected.
            CandidateGone: It is not staged.
        """

    def roll_back(self, version: str, reason: str) -> None:
        """Takes all traffic from the staged version and removes it; nothing where it is gone."""


def name_of(champion: Champion | None) -> str:
    """The champion as a sentence names it."""
    return f"version {champion.version}" if champion else "no model"


def is_same(one: Champion | None, other: Champion | None) -> bool:
    """Whether two readings name the same champion: its version and its bytes."""
    if one is None or other is None:
        return one is other
    return (one.version, one.digest) == (other.version, other.digest)
