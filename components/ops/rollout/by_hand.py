"""What the audit keeps of a decision that a person made."""

from components.core.audit import AuditEntry
from components.core.plan import Champion


def entry_by_hand(step: str, decision: str, about: Champion, model: str, reason: str) -> AuditEntry:
    """The entry of a decision on a version; it belongs to the run that made the version.

    Args:
        step: ``approve`` or ``restore``.
        decision: What was decided.
        about: The version.
        model: The model's name.
        reason: As the person gave it.
    """
    return AuditEntry(
        run=about.run,
        step=step,
        model=model,
        as_of=about.as_of,
        version=about.version,
        decision=decision,
        reason=reason,
        digests={"model": about.digest},
    )
