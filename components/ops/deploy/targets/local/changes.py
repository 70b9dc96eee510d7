"""What may become of a local record: each change of a rollout as a function of the record."""

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.deploy.targets.local.place import LocalPlace
from components.ops.deploy.targets.local.record import Deployed, LocalRecord
from components.ops.deploy.targets.protocol import (
    CandidateGone,
    ChampionChanged,
    Outcome,
    is_same,
)

_KEPT_OUTCOMES = 20
_KEPT_VERSIONS = 3


def found(record: LocalRecord, candidate: Deployed) -> bool:
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
    names = {(d.version, d.digest) for d in (champion, record.candidate) if d}
    return (candidate.version, candidate.digest) in names


def staged(record: LocalRecord, candidate: Deployed) -> LocalRecord:
    """The record with a new candidate; one that was staged before makes way for it."""
    if record.candidate:
        reason = f"replaced by version {candidate.version}, which was staged after it"
        record = rolled_back(record, record.candidate.version, reason)
    return record.model_copy(update={"candidate": candidate, "share": 0.0})


def shifted(record: LocalRecord, version: str, share: float) -> LocalRecord:
    """The record with another share for the candidate.

    Raises:
        CandidateGone: This version is not staged.
    """
    find_candidate(record, version)
    return record.model_copy(update={"share": share})


def promoted(record: LocalRecord, version: str, reason: str) -> LocalRecord:
    """The record with the candidate as champion, and the old champion to be drained.

    Raises:
        CandidateGone: This version is not staged.
    """
    candidate, old = find_candidate(record, version), record.champion
    return record.model_copy(
        update={
            "champion": candidate,
            "candidate": None,
            "share": 0.0,
            "draining": (*record.draining, old) if old else record.draining,
            "previous": (old.version, *record.previous) if old else record.previous,
            "outcomes": _remember(
                record, Outcome(version=version, decision="promoted", reason=reason)
            ),
        }
    )


def rolled_back(record: LocalRecord, version: str, reason: str) -> LocalRecord:
    """The record without the candidate; as it was where this version is not staged."""
    if record.candidate is None or record.candidate.version != version:
        return record
    outcome = Outcome(version=version, decision="rolled_back", reason=reason)
    return record.model_copy(
        update={
            "candidate": None,
            "share": 0.0,
            "draining": (*record.draining, record.candidate),
            "outcomes": _remember(record, outcome),
        }
    )


def check_champion(place: LocalPlace, record: LocalRecord, expected: Champion | None) -> None:
    """Compares what serves with what the plan was made for.

    Raises:
        ChampionChanged: It is another one.
    """
    serving = place.champion_of(record.champion) if record.champion else None
    if not is_same(serving, expected):
        raise ChampionChanged(expected, serving)


def find_candidate(record: LocalRecord, version: str) -> Deployed:
    """The candidate.

    Raises:
        CandidateGone: This version is not staged.
    """
    if record.candidate is None or record.candidate.version != version:
        now = f"version {record.candidate.version}" if record.candidate else "nothing"
        raise CandidateGone(f"version {version} is not staged any more; {now} is")
    return record.candidate


def kept_versions(record: LocalRecord) -> frozenset[str]:
    """The versions whose model folders stay: all in use, and the last few champions."""
    used = [d.version for d in (record.champion, record.candidate, *record.draining) if d]
    return frozenset((*used, *record.previous[:_KEPT_VERSIONS]))


def _remember(record: LocalRecord, outcome: Outcome) -> tuple[Outcome, ...]:
    return (outcome, *record.outcomes)[:_KEPT_OUTCOMES]
