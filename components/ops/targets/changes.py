"""What may become of a record: each change of a rollout as a function of it, for every target."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets.protocol import CandidateGone, ChampionChanged, Outcome, is_same
from components.ops.targets.state import RolloutState, V, Version

R = TypeVar("R", bound=RolloutState[Any])
_KEPT_OUTCOMES = 20


def found(record: RolloutState[V], candidate: V) -> bool:
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
    names = {(v.version, v.digest) for v in (champion, record.candidate) if v}
    return (candidate.version, candidate.digest) in names


def staged(record: R, candidate: Any) -> R:
    """The record with a new candidate; one that was staged before makes way for it."""
    if record.candidate:
        reason = f"replaced by version {candidate.version}, which was staged after it"
        record = rolled_back(record, record.candidate.version, reason)
    return record.model_copy(update={"candidate": candidate, "share": 0.0})


def shifted(record: R, version: str, share: float) -> R:
    """The record with another share for the candidate.

    Raises:
        CandidateGone: This version is not staged.
    """
    find_candidate(record, version)
    return record.model_copy(update={"share": share})


def promoted(record: R, version: str, reason: str) -> R:
    """The record with the candidate as champion, and the old champion retired.

    Raises:
        CandidateGone: This version is not staged.
    """
    candidate, old = find_candidate(record, version), record.champion
    others = tuple(earlier for earlier in record.previous if earlier.version != version)
    decision: Literal["promoted", "restored"]
    decision = "promoted" if others == record.previous else "restored"
    record = record.model_copy(update={"previous": others})
    outcome = Outcome(version=version, decision=decision, reason=reason)
    return record.model_copy(
        update={
            "champion": candidate,
            "candidate": None,
            "share": 0.0,
            "outcomes": _remember(record, outcome),
            **(record.retired(old, served=True) if old else {}),
        }
    )


def rolled_back(record: R, version: str, reason: str) -> R:
    """The record without the candidate; as it was where this version is not staged."""
    if record.candidate is None or record.candidate.version != version:
        return record
    outcome = Outcome(version=version, decision="rolled_back", reason=reason)
    return record.model_copy(
        update={
            "candidate": None,
            "share": 0.0,
            "outcomes": _remember(record, outcome),
            **record.retired(record.candidate, served=False),
        }
    )


def check_champion(serving: Champion | None, expected: Champion | None) -> None:
    """Compares what serves with what the plan was made for.

    Raises:
        ChampionChanged: It is another one.
    """
    if not is_same(serving, expected):
        raise ChampionChanged(expected, serving)


def find_candidate(record: RolloutState[V], version: str) -> V:
    """The candidate.

    Raises:
        CandidateGone: This version is not staged.
    """
    if record.candidate is None or record.candidate.version != version:
        now = f"version {record.candidate.version}" if record.candidate else "nothing"
        raise CandidateGone(f"version {version} is not staged any more; {now} is")
    return record.candidate


def find_earlier(record: RolloutState[V], version: str) -> V:
    """An earlier champion whose model folder is kept.

    Raises:
        InputError: There is none of this version.
    """
    found = next((one for one in record.previous if one.version == version), None)
    if found is None:
        raise no_earlier(version, [one.version for one in record.previous])
    return found


def no_earlier(version: str | None, kept: Sequence[str]) -> InputError:
    """The refusal of a version that is not kept; None: of any."""
    accepted = f"an earlier version that is kept: {', '.join(kept) or 'there is none'}"
    do = "Retrain instead." if not kept else "Name one of these."
    return InputError("version", "none" if version is None else version, accepted, do)


def check_bytes(version: Version, where: str, digest: str | None) -> None:
    """Compares what is kept of a version with what served.

    Args:
        version: The version.
        where: Its folder.
        digest: The folder's digest; None: it is gone.

    Raises:
        InputError: It is gone, or has other bytes.
    """
    if digest == version.digest:
        return
    given = "a folder that is gone" if digest is None else f"other bytes (digest {digest[:12]}…)"
    accepted = f"what served as version {version.version} (digest {version.digest[:12]}…)"
    do = "Put it back from the store's own versions or a backup, or name another version."
    raise InputError(where, given, accepted, do)


def find_outcome(record: RolloutState[V], version: str) -> Outcome | None:
    """How the last rollout of a version ended; None: it is not remembered."""
    return next((one for one in record.outcomes if one.version == version), None)


def _remember(record: RolloutState[V], outcome: Outcome) -> tuple[Outcome, ...]:
    return (outcome, *record.outcomes)[:_KEPT_OUTCOMES]
