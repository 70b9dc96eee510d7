"""What the entries of an audit say of one model now, taken in one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from components.core.audit import AuditEntry
from components.core.spans import parse_instant
from components.core.spec.operation import Monitoring

_PROMOTING = ("rollout", "approve")


@dataclass(frozen=True)
class Champion:
    """A version that was promoted."""

    version: str
    as_of_s: float


@dataclass(frozen=True)
class Rhythm:
    """What the spec wanted of monitoring when it was last planned with."""

    monitoring: Monitoring
    as_of_s: float


@dataclass(frozen=True)
class Summary:
    """The newest of everything; instants are seconds since 1970 UTC.

    Attributes:
        steps: Step and decision to the instant that it was last decided for.
        check: The last monitoring run.
        champion: The last version promoted.
        rhythm: The last known wishes; None: no entry says.
    """

    steps: Mapping[tuple[str, str], float] = field(default_factory=dict)
    check: AuditEntry | None = None
    champion: Champion | None = None
    rhythm: Rhythm | None = None


def note(summary: Summary, entry: AuditEntry) -> Summary:
    """Takes an entry in; in whatever order entries come, the newest instant stands.

    Raises:
        ValueError: Its `as_of` is no instant.
    """
    as_of_s = parse_instant(entry.as_of).timestamp()
    decided = (entry.step, entry.decision)
    newest_s = max(as_of_s, summary.steps.get(decided, as_of_s))
    noted = replace(summary, steps={**summary.steps, decided: newest_s})
    if entry.step == "monitor":
        return replace(noted, check=_newer(summary.check, entry))
    if entry.step == "plan":
        return replace(noted, rhythm=_rhythm(summary.rhythm, entry, as_of_s))
    if entry.step in _PROMOTING and entry.decision == "promoted" and entry.version:
        return replace(noted, champion=_champion(summary.champion, entry.version, as_of_s))
    return noted


def failed(check: AuditEntry) -> tuple[str, ...]:
    """The codes of the findings that failed in a monitoring run."""
    failures = check.details.get("failures")
    codes = (f.get("code") for f in failures if isinstance(f, Mapping)) if failures else ()
    return tuple(sorted({code for code in codes if isinstance(code, str)}))


def number(check: AuditEntry, name: str) -> float | None:
    """A number of a monitoring run; None where it has none of that name."""
    numbers = check.details.get("metrics")
    value = numbers.get(name) if isinstance(numbers, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _newer(known: AuditEntry | None, entry: AuditEntry) -> AuditEntry:
    if known is None or parse_instant(entry.as_of) >= parse_instant(known.as_of):
        return entry
    return known


def _champion(known: Champion | None, version: str, as_of_s: float) -> Champion:
    return known if known and known.as_of_s > as_of_s else Champion(version, as_of_s)


def _rhythm(known: Rhythm | None, entry: AuditEntry, as_of_s: float) -> Rhythm | None:
    given = entry.details.get("monitoring")
    if given is None or (known and known.as_of_s > as_of_s):
        return known
    try:
        return Rhythm(Monitoring.model_validate(given), as_of_s)
    except ValidationError:
        return known  # written by another release of the spec
