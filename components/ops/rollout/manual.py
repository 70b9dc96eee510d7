"""Decisions of a person: on a proposed version, and back to an earlier champion."""

from dataclasses import dataclass
from typing import Literal

from components.core.audit import AuditEntry
from components.core.errors import DeadlineExceeded
from components.core.plan import Champion
from components.ops.targets.protocol import CandidateGone, ChampionChanged, Staged, Target, is_same
from components.ops.targets.rollout_state import no_previous_version

READY_TIMEOUT_S = 900.0
RollbackDecision = Literal["reinstated", "proposed", "serves already"]


@dataclass(frozen=True)
class RollbackResult:
    """What a rollback did.

    Attributes:
        decision: How it ended.
        champion: The earlier version.
        replaced: What served before; None if nothing did.
        ended: The rollout under way that was ended for it, if any.
        to_do: What a person still has to do; empty if nothing.
    """

    decision: RollbackDecision
    champion: Champion
    replaced: Champion | None = None
    ended: Staged | None = None
    to_do: str = ""


def decide(target: Target, version: str, *, reject: bool, reason: str) -> str:
    """Promotes a proposed version, or rolls it back.

    Returns:
        ``promoted`` or ``rolled_back``.

    Raises:
        CandidateGone: It is not staged any more.
        ClusterError: The target did not do what was asked.
    """
    staged = target.staged()
    if staged is None or staged.version != version:
        raise CandidateGone(f"version {version} is not staged; nothing was changed")
    if reject:
        target.roll_back(version, reason)
        return "rolled_back"
    # Whatever is staged was staged beside this champion: another champion ends what is staged.
    target.promote(version, target.champion(), reason)
    return "promoted"


def rollback(
    target: Target, version: str | None, reason: str, ready_timeout_s: float = READY_TIMEOUT_S
) -> RollbackResult:
    """Makes an earlier champion serve again; repeated, it finishes an interrupted rollback.

    Without a version it is the newest earlier one, or the one that is already staged again.

    Raises:
        InputError: It is not kept, or its folder is gone or has other bytes.
        ChampionChanged: Something else was promoted meanwhile.
        DeadlineExceeded: Its server did not become ready; what served continues.
        ClusterError: The target did not do what was asked.
    """
    serving, wanted = target.champion(), _choose(target, version)
    if is_same(serving, wanted):
        target.promote(wanted.version, serving, reason)  # finishes what was left to do
        return RollbackResult("serves already", wanted)
    under_way = target.staged()
    if under_way and is_same(under_way.as_champion(), wanted):
        under_way = None  # this very rollback, interrupted
    if under_way:
        target.roll_back(under_way.version, f"version {wanted.version} was staged again instead")
    target.stage_previous(wanted.version, serving)
    try:
        target.wait_ready(wanted.version, ready_timeout_s)
        if target.requires_approval:
            to_do = target.propose(wanted.version)
            return RollbackResult("proposed", wanted, serving, under_way, to_do)
        target.promote(wanted.version, serving, reason)
    except (DeadlineExceeded, ChampionChanged) as error:
        target.roll_back(wanted.version, f"it could not serve again: {error}")
        raise
    return RollbackResult("reinstated", wanted, serving, under_way)


def audit_entries(result: RollbackResult, model: str, reason: str) -> tuple[AuditEntry, ...]:
    """Returns the audit entries of a rollback; none if nothing was done."""
    if result.decision == "serves already":
        return ()
    replaced = result.replaced.version if result.replaced else None
    done = manual_entry("rollback", result.decision, result.champion, model, reason)
    done = done.model_copy(update={"details": {"replaced": replaced}})
    if result.ended is None:
        return (done,)
    # The decision that a rollout may have waited for.
    ended = result.ended.as_champion()
    why = f"version {result.champion.version} was staged again instead: {reason}"
    return (manual_entry("approve", "rolled_back", ended, model, why), done)


def manual_entry(step: str, decision: str, about: Champion, model: str, reason: str) -> AuditEntry:
    """Returns the audit entry of a person's decision; it belongs to the version's own run."""
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


def _choose(target: Target, version: str | None) -> Champion:
    serving, staged, kept = target.champion(), target.staged(), target.previous_champions()
    if version is not None:
        candidates = [one for one in (serving, *kept) if one and one.version == version]
    elif staged and any(is_same(staged.as_champion(), one) for one in kept):
        candidates = [staged.as_champion()]
    else:
        # Repeated without a version it must not alternate between the last two.
        outcome = target.outcome(serving.version) if serving else None
        done = [serving] if serving and outcome and outcome.decision == "reinstated" else []
        candidates = [*done, *kept]
    if not candidates:
        raise no_previous_version(version, [one.version for one in kept])
    return candidates[0]
