"""What every target remembers of a model's rollouts, and how each step of a rollout changes it.

Steps are functions from record to record: a target decides by them and then writes the result.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from components.core.artifacts import Record
from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets.protocol import (
    CandidateGone,
    ChampionChanged,
    DeployedVersion,
    Outcome,
    OutcomeDecision,
    is_same,
)

_MAX_CHAMPIONS = 3
_MAX_OUTCOMES = 20

V = TypeVar("V", bound=DeployedVersion)


class RolloutState(Record, Generic[V]):
    """The part of a target's record that rollouts change.

    Outcomes and previous champions, whose model folders are kept, are newest first; `share` is the
    candidate's.
    """

    model: str
    champion: V | None = None
    candidate: V | None = None
    share: float = 0.0
    outcomes: tuple[Outcome, ...] = ()
    previous: tuple[V, ...] = ()

    def retired(self, version: V, *, served: bool) -> Mapping[str, Any]:
        """Returns what else changes in the record when a version ends; `served`: as champion."""
        raise NotImplementedError

    def with_previous(self, champion: V) -> tuple[V, ...]:
        """Returns the earlier champions once this one is one of them."""
        others = (one for one in self.previous if one.version != champion.version)
        return (champion, *others)[:_MAX_CHAMPIONS]


R = TypeVar("R", bound=RolloutState[Any])


def is_known(record: RolloutState[V], candidate: V) -> bool:
    """Whether an earlier call staged or promoted this very candidate.

    Raises:
        InputError: The champion has this version, but other bytes.
    """
    champion = record.champion
    if champion and champion.version == candidate.version and champion.digest != candidate.digest:
        raise InputError(
            f"model version {candidate.version}",
            "other bytes than those that serve under this version",
            "a version of its own for every model",
            "Train again, for another instant or with another spec.",
        )
    known = {(v.version, v.digest) for v in (champion, record.candidate) if v}
    return (candidate.version, candidate.digest) in known


def with_candidate(record: R, candidate: Any) -> R:
    """Returns the record with a new candidate, which replaces one that was staged before."""
    if record.candidate:
        reason = f"replaced by version {candidate.version}, which was staged after it"
        record = without_candidate(record, record.candidate.version, reason)
    return record.model_copy(update={"candidate": candidate, "share": 0.0})


def with_share(record: R, version: str, share: float) -> R:
    """Returns the record with another share for the candidate; or raises CandidateGone."""
    find_candidate(record, version)
    return record.model_copy(update={"share": share})


def with_promotion(record: R, version: str, reason: str) -> R:
    """Returns the record with the candidate as champion, and the old champion retired.

    Raises:
        CandidateGone: This version is not staged.
    """
    candidate, old = find_candidate(record, version), record.champion
    others = tuple(one for one in record.previous if one.version != version)
    is_first_time = others == record.previous
    decision: OutcomeDecision = "promoted" if is_first_time else "reinstated"
    record = record.model_copy(update={"previous": others})
    retired = record.retired(old, served=True) if old else {}
    ended = _ended(record, version, decision, reason)
    return record.model_copy(update={"champion": candidate, **ended, **retired})


def without_candidate(record: R, version: str, reason: str) -> R:
    """Returns the record without the candidate; unchanged if this version is not staged."""
    if record.candidate is None or record.candidate.version != version:
        return record
    retired = record.retired(record.candidate, served=False)
    ended = _ended(record, version, "rolled_back", reason)
    return record.model_copy(update={**ended, **retired})


def check_champion(serving: Champion | None, expected: Champion | None) -> None:
    """Raises ChampionChanged if another champion serves than the plan was made for."""
    if not is_same(serving, expected):
        raise ChampionChanged(expected, serving)


def find_candidate(record: RolloutState[V], version: str) -> V:
    """Returns the candidate; CandidateGone if this version is not staged."""
    if record.candidate is None or record.candidate.version != version:
        now = f"version {record.candidate.version}" if record.candidate else "nothing"
        raise CandidateGone(f"version {version} is not staged any more; {now} is")
    return record.candidate


def find_previous(record: RolloutState[V], version: str) -> V:
    """Returns an earlier champion whose model folder is kept; InputError if there is none."""
    found = next((one for one in record.previous if one.version == version), None)
    if found is None:
        raise no_previous_version(version, [one.version for one in record.previous])
    return found


def no_previous_version(version: str | None, kept: Sequence[str]) -> InputError:
    """Returns the error for a version that is not kept, or for any if None."""
    accepted = f"an earlier version that is kept: {', '.join(kept) or 'there is none'}"
    do = "Retrain instead." if not kept else "Name one of these."
    return InputError("version", "none" if version is None else version, accepted, do)


def check_stored_digest(version: DeployedVersion, where: str, digest: str | None) -> None:
    """Raises InputError if a stored folder is gone (None) or has other bytes than what served."""
    if digest == version.digest:
        return
    given = "a folder that is gone" if digest is None else f"other bytes (digest {digest[:12]}…)"
    accepted = f"what served as version {version.version} (digest {version.digest[:12]}…)"
    do = "Restore it from the store's own versions or a backup, or name another version."
    raise InputError(where, given, accepted, do)


def _ended(
    record: RolloutState[V], version: str, decision: OutcomeDecision, reason: str
) -> dict[str, Any]:
    outcome = Outcome(version=version, decision=decision, reason=reason)
    outcomes = (outcome, *record.outcomes)[:_MAX_OUTCOMES]
    return {"candidate": None, "share": 0.0, "outcomes": outcomes}
