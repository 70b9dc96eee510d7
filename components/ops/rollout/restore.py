"""``python -m components.ops.rollout.restore <target> <model> [<version>]``: to an earlier one.

The newest earlier champion, or the one that is named, gets a server of its own and then all
traffic. With ``--list`` it is only said which there are.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.core import audit
from components.core.audit import AuditEntry
from components.core.errors import DeadlineExceeded, RatoonError
from components.core.plan import Champion
from components.core.spans import format_instant
from components.ops.rollout.by_hand import entry_by_hand
from components.ops.targets import connect
from components.ops.targets.changes import no_earlier
from components.ops.targets.protocol import ChampionChanged, Staged, Target, is_same

READY_WITHIN_S = 900.0
REASON = "decided by a person"
Decision = Literal["restored", "proposed", "serves already"]


@dataclass(frozen=True)
class Restored:
    """What was done.

    Attributes:
        decision: How it ended.
        champion: The earlier version.
        replaced: What served before; None: nothing did.
        taken_back: The rollout under way that was ended for it; None: there was none.
        to_do: What a person has to do yet; empty: nothing.
    """

    decision: Decision
    champion: Champion
    replaced: Champion | None = None
    taken_back: Staged | None = None
    to_do: str = ""


def restore(
    target: Target, version: str | None, reason: str, ready_within_s: float = READY_WITHIN_S
) -> Restored:
    """Makes an earlier champion serve again; run again, it finishes what was broken off.

    Args:
        target: Where it served.
        version: The version; None: the newest earlier one, or the one already brought back.
        reason: Kept with the outcome.
        ready_within_s: How long its server may take.

    Raises:
        InputError: It is not kept, or its folder is gone or has other bytes.
        ChampionChanged: Something else was promoted meanwhile.
        DeadlineExceeded: Its server did not become ready; what served goes on.
        ClusterError: The target did not do what was asked.
    """
    serving, wanted = target.champion(), _wanted(target, version)
    if is_same(serving, wanted):
        target.promote(wanted.version, serving, reason)  # only what was left to do
        return Restored("serves already", wanted)
    under_way = target.staged()
    if under_way and is_same(under_way.as_champion(), wanted):
        under_way = None  # this very restoration, broken off
    if under_way:
        target.roll_back(under_way.version, f"version {wanted.version} was brought back instead")
    target.bring_back(wanted.version, serving)
    try:
        target.reach(wanted.version, ready_within_s)
        if target.leaves_to_person:
            to_do = target.propose(wanted.version)
            return Restored("proposed", wanted, serving, under_way, to_do)
        target.promote(wanted.version, serving, reason)
    except (DeadlineExceeded, ChampionChanged) as error:
        target.roll_back(wanted.version, f"it could not be brought back: {error}")
        raise
    return Restored("restored", wanted, serving, under_way)


def entries_of(restored: Restored, model: str, reason: str) -> tuple[AuditEntry, ...]:
    """What the audit keeps of it; none where nothing was done."""
    if restored.decision == "serves already":
        return ()
    replaced = restored.replaced.version if restored.replaced else None
    done = entry_by_hand("restore", restored.decision, restored.champion, model, reason)
    entries = (done.model_copy(update={"details": {"replaced": replaced}}),)
    if restored.taken_back is None:
        return entries
    # The decision that a rollout may have waited for.
    ended = restored.taken_back.as_champion()
    why = f"version {restored.champion.version} was brought back instead: {reason}"
    return (entry_by_hand("approve", "rolled_back", ended, model, why), *entries)


def main(arguments: Sequence[str] | None = None) -> None:
    """Brings back what the command line names."""
    parser = argparse.ArgumentParser(prog="restore", description=__doc__)
    parser.add_argument("target", help="such as local://build/flights/serving")
    parser.add_argument("model", help="the model's name")
    parser.add_argument("version", nargs="?", help="an earlier version; else the newest earlier")
    parser.add_argument("--list", action="store_true", help="say which there are, and end")
    parser.add_argument("--reason", default=REASON, help="kept with the outcome")
    parser.add_argument("--audit", help="folder or URI of the audit")
    options = parser.parse_intermixed_args(arguments)
    try:
        target = connect(options.target, options.model)
        if options.list:
            sys.stdout.write(_listed(target))
            return
        restored = restore(target, options.version, options.reason)
        for entry in entries_of(restored, options.model, options.reason):
            if options.audit:
                audit.append(options.audit, entry)
    except RatoonError as error:
        sys.exit(str(error))
    sys.stdout.write(_told(restored))


def _wanted(target: Target, version: str | None) -> Champion:
    serving, staged, kept = target.champion(), target.staged(), target.restorable()
    if version is not None:
        candidates = [one for one in (serving, *kept) if one and one.version == version]
    elif staged and any(is_same(staged.as_champion(), one) for one in kept):
        candidates = [staged.as_champion()]
    else:
        # Run again without a name it must not go back and forth between the last two.
        outcome = target.outcome(serving.version) if serving else None
        done = [serving] if serving and outcome and outcome.decision == "restored" else []
        candidates = [*done, *kept]
    if not candidates:
        raise no_earlier(version, [one.version for one in kept])
    return candidates[0]


def _listed(target: Target) -> str:
    serving, kept = target.champion(), target.restorable()
    lines = [
        f"{one.version}  trained for {format_instant(one.as_of)} by run {one.run}" for one in kept
    ]
    now = f"serves now: {serving.version}" if serving else "nothing serves now"
    return "\n".join([now, *(lines or ["no earlier version is kept"])]) + "\n"


def _told(restored: Restored) -> str:
    version, ended = restored.champion.version, restored.taken_back
    first = f"version {ended.version}: rolled_back, its rollout was under way\n" if ended else ""
    if restored.decision == "serves already":
        others = "To go back to another one, name it; --list says which there are."
        return f"version {version} serves already; nothing was changed. {others}\n"
    if restored.decision == "proposed":
        return f"{first}version {version}: proposed\n{restored.to_do}\n"
    instead = f" instead of {restored.replaced.version}" if restored.replaced else ""
    return f"{first}version {version}: restored{instead}\n"


if __name__ == "__main__":
    main()
