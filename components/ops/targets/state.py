"""What every target remembers of a model's rollouts."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from components.core.artifacts import Record
from components.core.spans import Instant
from components.ops.targets.protocol import Outcome


class Version(Record):
    """A version that a target was given.

    Attributes:
        version: Its version.
        digest: Digest of its model folder.
        run: The run that staged it.
        as_of: The instant that it was trained for.
    """

    version: str
    digest: str
    run: str
    as_of: Instant


V = TypeVar("V", bound=Version)
_KEPT_CHAMPIONS = 3


class RolloutState(Record, Generic[V]):
    """The part of a target's record that rollouts change.

    Attributes:
        model: The model's name.
        champion: What serves.
        candidate: The rollout under way.
        share: The share of the traffic that the candidate gets.
        outcomes: How the last rollouts ended, newest first.
        previous: Earlier champions whose model folders are kept, newest first.
    """

    model: str
    champion: V | None = None
    candidate: V | None = None
    share: float = 0.0
    outcomes: tuple[Outcome, ...] = ()
    previous: tuple[V, ...] = ()

    def retired(self, version: V, *, served: bool) -> Mapping[str, Any]:
        """What else changes in the record when a version serves no more.

        Args:
            version: The version.
            served: Whether it was the champion; else it was a candidate.
        """
        raise NotImplementedError

    def with_earlier(self, champion: V) -> tuple[V, ...]:
        """The earlier champions once this one serves no more."""
        others = (one for one in self.previous if one.version != champion.version)
        return (champion, *others)[:_KEPT_CHAMPIONS]
