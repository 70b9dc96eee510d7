"""The audit: what each step of each run did, kept for longer than the runs themselves.

An entry is one file that is created once and never changed:
``<audit>/runs/<run>/<step>.json``. Retrainings are claimed by number under
``<audit>/retrainings/``, so that of two monitors that fire at once only one starts.
"""

import re
from collections.abc import Mapping
from typing import Any

from components.core import storage
from components.core.artifacts import Record
from components.core.spans import Instant
from components.core.verdict import Verdict

_ACCEPTED = "an entry of the audit"
_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_DO = "Somebody changed it, for an entry is created once and whole: restore it."


class AuditEntry(Record):
    """What one step of one run did."""

    run: str
    step: str
    model: str
    as_of: Instant
    version: str | None
    decision: str
    reason: str
    digests: Mapping[str, str]
    details: Mapping[str, Any] = {}


class RetrainingClaim(Record):
    """A retraining that a monitor started."""

    run: str
    as_of: Instant
    reason: str


def entry_of(verdict: Verdict, run: str, model: str, version: str | None = None) -> AuditEntry:
    """The audit entry of a verdict."""
    failed = [f.model_dump(mode="json") for f in verdict.failures]
    return AuditEntry(
        run=run,
        step=verdict.step,
        model=model,
        as_of=verdict.as_of,
        version=version,
        decision=verdict.decision,
        reason=verdict.reason,
        digests=verdict.digests,
        details={"metrics": dict(verdict.metrics), "failures": failed},
    )


def append(audit_uri: str, entry: AuditEntry) -> None:
    """Adds an entry; a step that is run again after an interruption gets a numbered one."""
    file, attempt = f"{audit_uri}/runs/{_SAFE.sub('-', entry.run)}/{entry.step}", 1
    name = file
    while not storage.create_bytes(f"{name}.json", entry.content()):
        attempt += 1
        name = f"{file}-{attempt}"


def entries(audit_uri: str, run: str = "*", step: str = "*") -> tuple[AuditEntry, ...]:
    """The entries of a run, or of every run; of one step, whose files alone are read, or of all."""
    files = entry_files(audit_uri, run, step)
    found = (AuditEntry.parse(storage.read_bytes(f), f, _ACCEPTED, _DO) for f in files)
    return tuple(entry for entry in found if step in ("*", entry.step))


def entry_files(audit_uri: str, run: str = "*", step: str = "*") -> tuple[str, ...]:
    """The files of those entries, and of steps whose name begins like it."""
    safe = run if run == "*" else _SAFE.sub("-", run)
    name = step if step == "*" else f"{step}*"
    return storage.list_files(f"{audit_uri}/runs/{safe}/{name}.json")


def retrainings(audit_uri: str) -> tuple[RetrainingClaim, ...]:
    """Every retraining claimed so far, oldest first."""
    files = storage.list_files(f"{audit_uri}/retrainings/*.json")
    return tuple(RetrainingClaim.parse(storage.read_bytes(f), f, _ACCEPTED, _DO) for f in files)


def claim_retraining(audit_uri: str, seen: int, retraining: RetrainingClaim) -> bool:
    """Claims the retraining after the first `seen`; False if another monitor was faster."""
    file = f"{audit_uri}/retrainings/{seen + 1:06d}.json"
    return storage.create_bytes(file, retraining.content())
