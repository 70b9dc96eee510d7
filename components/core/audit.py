"""The audit: what each step of each run did, kept for longer than the runs themselves.

An entry is one file that is created once and never changed:
``<audit>/runs/<run>/<step>.json``. Retrainings are claimed by number under
``<audit>/retrainings/``, so that of two monitors that fire at once only one starts.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import Record
from components.core.errors import InputError
from components.core.spans import Instant
from components.core.verdict import Verdict

_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")

_Kind = TypeVar("_Kind", bound=Record)


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
    content = (entry.model_dump_json(indent=1) + "\n").encode()
    folder = f"{audit_uri}/runs/{_SAFE.sub('-', entry.run)}"
    attempt = 1
    file = f"{folder}/{entry.step}.json"
    while not storage.create_bytes(file, content):
        attempt += 1
        file = f"{folder}/{entry.step}-{attempt}.json"


def entries(audit_uri: str, run: str = "*", step: str = "*") -> tuple[AuditEntry, ...]:
    """The entries of a run, or of every run; of one step, whose files alone are read, or of all."""
    found = (_read(AuditEntry, file) for file in entry_files(audit_uri, run, step))
    return tuple(entry for entry in found if step in ("*", entry.step))


def entry_files(audit_uri: str, run: str = "*", step: str = "*") -> tuple[str, ...]:
    """The files of those entries, and of steps whose name begins like it."""
    safe = run if run == "*" else _SAFE.sub("-", run)
    name = step if step == "*" else f"{step}*"
    return storage.list_files(f"{audit_uri}/runs/{safe}/{name}.json")


def retrainings(audit_uri: str) -> tuple[RetrainingClaim, ...]:
    """Every retraining claimed so far, oldest first."""
    files = storage.list_files(f"{audit_uri}/retrainings/*.json")
    return tuple(_read(RetrainingClaim, file) for file in files)


def claim_retraining(audit_uri: str, seen: int, retraining: RetrainingClaim) -> bool:
    """Claims the retraining after the first `seen`; False if another monitor was faster."""
    content = (retraining.model_dump_json(indent=1) + "\n").encode()
    return storage.create_bytes(f"{audit_uri}/retrainings/{seen + 1:06d}.json", content)


def _read(kind: type[_Kind], file: str) -> _Kind:
    try:
        return kind.model_validate_json(storage.read_bytes(file))
    except ValidationError as error:
        do = "Somebody changed it, for an entry is created once and whole: restore it."
        raise InputError(file, "a damaged file", "an entry of the audit", do) from error
