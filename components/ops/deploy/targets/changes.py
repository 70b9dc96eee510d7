"""What may become of a record: each change of a rollout as a function of it, for every target."""

from typing import Any, TypeVar

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.deploy.targets.protocol import (
    CandidateGone,
    ChampionChanged,
    Outcome,
    is_same,
)
from components.ops.deploy.targets.state import RolloutState, V

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
    outcome = Outcome(version=version, decision="promoted", reason=reason)
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


def find_outcome(record: RolloutState[V], version: str) -> Outcome | None:
    """How the last rollout of a version ended; None: it is not remembered."""
    return next((one for one in record.outcomes if one.version == version), None)


def _remember(record: RolloutState[V], outcome: Outcome) -> tuple[Outcome, ...]:
    return (outcome, *record.outcomes)[:_KEPT_OUTCOMES]
