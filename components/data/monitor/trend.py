"""Earlier checks of the same model, as the audit kept them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from components.core import audit
from components.core.spans import parse_instant


@dataclass(frozen=True)
class Check:
    """What one monitoring run found.

    Attributes:
        as_of: Its instant.
        version: The champion then.
        decision: What it decided.
        metrics: What it measured.
    """

    as_of: datetime
    version: str | None
    decision: str
    metrics: Mapping[str, float | None]


def earlier_checks(
    entries: Iterable[audit.AuditEntry], step: str, model: str, run: str, as_of: datetime
) -> tuple[Check, ...]:
    """The checks before this one, oldest first; of several for one instant the last written.

    Args:
        entries: The audit.
        step: The step's name.
        model: The model's name.
        run: This run, whose own entries (it may have been interrupted) are left out.
        as_of: The instant of this check; a later one is of a future that is not known yet.
    """
    checks: dict[datetime, Check] = {}
    for entry in entries:
        if (entry.step, entry.model) != (step, model) or entry.run == run:
            continue
        instant = parse_instant(entry.as_of)
        if instant < as_of:
            metrics = entry.details.get("metrics", {})
            checks[instant] = Check(instant, entry.version, entry.decision, metrics)
    return tuple(checks[instant] for instant in sorted(checks))
