"""What every target does alike: it reads its record of rollouts and changes it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic

from components.core.plan import Champion
from components.ops.targets.protocol import Outcome, Staged
from components.ops.targets.rollout_state import (
    R,
    check_champion,
    find_candidate,
    find_previous,
    is_known,
    with_promotion,
    with_share,
)


class BaseTarget(ABC, Generic[R]):
    """The part of `Target` that follows from the record alone.

    A subclass says where the record is kept, and makes the servers follow it.
    """

    @property
    def requires_approval(self) -> bool:
        """Never: the spec alone decides."""
        return False

    def champion(self) -> Champion | None:
        """Returns what serves now."""
        return self._serving(self._record())

    def staged(self) -> Staged | None:
        """Returns the rollout under way."""
        record = self._record()
        return self._as_staged(record.candidate, record.share) if record.candidate else None

    def outcome(self, version: str) -> Outcome | None:
        """Returns how the last rollout of this version ended."""
        return next((one for one in self._record().outcomes if one.version == version), None)

    def previous_champions(self) -> tuple[Champion, ...]:
        """Returns the earlier champions that the record keeps."""
        return tuple(self._as_champion(one) for one in self._record().previous)

    def shift(self, version: str, share: float) -> None:
        """Gives the staged version a share of the traffic."""
        why = f"give version {version} {share:.0%} of the traffic"
        self._change(lambda record: with_share(record, version, share), why)

    def propose(self, version: str) -> str:
        """Leaves the candidate without traffic until a person decides."""
        self.shift(version, 0.0)
        record = self._record()
        find_candidate(record, version)
        command = approval_command(self._uri(), record.model, version)
        return f"{command}  (or reject in place of approve)"

    @abstractmethod
    def _uri(self) -> str:
        """Returns the target's URI."""

    @abstractmethod
    def _record(self) -> R:
        """Reads the record, or returns an empty one."""

    @abstractmethod
    def _change(self, change: Callable[[R], R], why: str) -> R:
        """Changes the record and returns it as it was written."""

    @abstractmethod
    def _as_champion(self, version: Any) -> Champion:
        """Returns a version of the record as the plan knows it."""

    def _serving(self, record: R) -> Champion | None:
        return self._as_champion(record.champion) if record.champion else None

    def _as_staged(self, version: Any, share: float) -> Staged:
        return Staged(**self._as_champion(version).model_dump(), share=share)

    def _must_stage(self, record: R, candidate: Any, expected: Champion | None) -> bool:
        """Whether a candidate is still to be staged; False if an earlier call did so."""
        known = is_known(record, candidate)
        if not _serves(record, candidate.version):
            check_champion(self._serving(record), expected)
        return not known

    def _previous_to_stage(self, record: R, version: str, expected: Champion | None) -> Any:
        """Returns the earlier champion to stage; None if an earlier call staged it."""
        kept = find_previous(record, version)
        check_champion(self._serving(record), expected)
        now = record.candidate
        is_staged = now and (now.version, now.digest) == (version, kept.digest)
        return None if is_staged else kept

    def _promote_in_record(self, version: str, expected: Champion | None, reason: str) -> R:
        """Makes the candidate the champion, unless an earlier call did so."""

        def change(record: R) -> R:
            if _serves(record, version):
                return record
            check_champion(self._serving(record), expected)
            return with_promotion(record, version, reason)

        return self._change(change, f"promote version {version}: {reason}")


def approval_command(target_uri: str, model: str, version: str, decision: str = "approve") -> str:
    """Returns the command by which a person decides on a proposed version."""
    return f"ratoon rollout {decision} <folder of {model}> {version} --target '{target_uri}'"


def champion_or_candidate(record: R, version: str) -> Any:
    """Returns the champion if it has this version, else the candidate; or raises CandidateGone."""
    return record.champion if _serves(record, version) else find_candidate(record, version)


def _serves(record: R, version: str) -> bool:
    return record.champion is not None and record.champion.version == version
