"""Reads the audit of a model entry by entry, and keeps what its entries say of the model now."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from components.core import audit, storage
from components.core.audit import AuditEntry
from components.core.spec.operation import Monitoring

_LOGGER = logging.getLogger("ratoon.exporter")
_PROMOTING = ("rollout", "approve")
_BATCH = 200


@dataclass(frozen=True)
class AuditSummary:
    """The newest entries of an audit.

    Attributes:
        steps: Step and decision to the instant, seconds since 1970 UTC, of the newest entry.
        check: The last monitoring run.
        plan: The last plan that says how the model is monitored.
    """

    steps: Mapping[tuple[str, str], float] = field(default_factory=dict)
    check: AuditEntry | None = None
    promotion: AuditEntry | None = None
    plan: AuditEntry | None = None


def add_entry(summary: AuditSummary, entry: AuditEntry) -> AuditSummary:
    """The summary with an entry added; the newest instant wins, in whatever order entries come."""
    as_of_s, decided = entry.as_of.timestamp(), (entry.step, entry.decision)
    newest_s = max(as_of_s, summary.steps.get(decided, as_of_s))
    added = replace(summary, steps={**summary.steps, decided: newest_s})
    if entry.step == "monitor":
        return replace(added, check=_newer(summary.check, entry))
    if entry.step == "plan" and monitoring_of(entry):
        return replace(added, plan=_newer(summary.plan, entry))
    if entry.step in _PROMOTING and entry.decision == "promoted" and entry.version:
        return replace(added, promotion=_newer(summary.promotion, entry))
    return added


def monitoring_of(plan: AuditEntry) -> Monitoring | None:
    """How a plan's spec wants the model monitored; None if it is of another release of the spec."""
    try:
        return Monitoring.model_validate(plan.details["monitoring"])
    except (KeyError, ValidationError):
        return None


def failed_findings(check: AuditEntry) -> tuple[str, ...]:
    """The codes of the findings that failed in a monitoring run."""
    failures = check.details.get("failures")
    codes = (f.get("code") for f in failures if isinstance(f, Mapping)) if failures else ()
    return tuple(sorted({code for code in codes if isinstance(code, str)}))


def metric(check: AuditEntry, name: str) -> float | None:
    """A metric of a monitoring run; None if it has none of that name."""
    numbers = check.details.get("metrics")
    value = numbers.get(name) if isinstance(numbers, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class ModelState:
    """One model as the exporter knows it; its audit may not have been read yet.

    Attributes:
        retrainings: Retrainings claimed.
        damaged: Files of the audit that are not entries.
        is_up: Whether the last try to read the audit succeeded.
        read_at_s: When it was last read, seconds since 1970 UTC; 0 for never.
    """

    summary: AuditSummary = field(default_factory=AuditSummary)
    retrainings: int = 0
    entries: int = 0
    damaged: int = 0
    is_up: bool = False
    read_at_s: float = 0.0


class AuditReader:
    """Reads the audit of one model; a file that was read is never read again."""

    def __init__(self, model: str, uri: str) -> None:
        self._model, self._uri = model, uri
        self._seen: set[str] = set()
        self._summary, self._damaged = AuditSummary(), 0

    def read(self) -> ModelState:
        """Reads what is new.

        Raises:
            Exception: Whatever the store raises; what was read before is kept.
        """
        fresh = [file for file in audit.entry_files(self._uri) if file not in self._seen]
        for start in range(0, len(fresh), _BATCH):
            self._take(fresh[start : start + _BATCH])
        claims, whole = len(audit.retrainings(self._uri)), len(self._seen) - self._damaged
        return ModelState(self._summary, claims, whole, self._damaged, True, time.time())

    def _take(self, files: Iterable[str]) -> None:
        """Reads many files at once, which an object store answers in parallel."""
        paths = {storage.resolve(file)[1]: file for file in files}
        filesystem, _ = storage.resolve(self._uri)
        for path, content in filesystem.cat(list(paths)).items():
            try:
                entry = AuditEntry.model_validate_json(content)
                if entry.model == self._model:
                    self._summary = add_entry(self._summary, entry)
            except ValueError:  # of JSON, or of the entry
                self._damaged += 1
                _LOGGER.error("%s is not an entry of an audit; it is ignored.", paths[path])
            self._seen.add(paths[path])


def _newer(known: AuditEntry | None, entry: AuditEntry) -> AuditEntry:
    if known is None or entry.as_of >= known.as_of:
        return entry
    return known
