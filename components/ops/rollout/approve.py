"""``python -m components.ops.rollout.approve <target> <model> <version>``: a person decides.

With ``--reject`` the proposed version is taken back instead.
"""

import argparse
import sys
from collections.abc import Sequence

from components.core import audit
from components.core.errors import RatoonError
from components.ops.rollout.by_hand import entry_by_hand
from components.ops.targets import connect
from components.ops.targets.protocol import CandidateGone, Target


def decide(target: Target, version: str, *, reject: bool, reason: str) -> str:
    """Promotes a proposed version or takes it back.

    Args:
        target: Where it is staged.
        version: The version.
        reject: Whether to take it back.
        reason: Kept with the outcome.

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
    # Whatever is staged was staged beside this champion: another one ends what is staged.
    target.promote(version, target.champion(), reason)
    return "promoted"


def main(arguments: Sequence[str] | None = None) -> None:
    """Promotes or takes back what the command line names."""
    parser = argparse.ArgumentParser(prog="approve", description=__doc__)
    parser.add_argument("target", help="such as local://build/flights/serving")
    parser.add_argument("model", help="the model's name")
    parser.add_argument("version", help="the proposed version")
    parser.add_argument("--reject", action="store_true", help="take it back")
    parser.add_argument("--reason", default="decided by a person", help="kept with the outcome")
    parser.add_argument("--audit", help="folder or URI of the audit")
    options = parser.parse_intermixed_args(arguments)
    try:
        target = connect(options.target, options.model)
        staged = target.staged()
        decision = decide(target, options.version, reject=options.reject, reason=options.reason)
    except RatoonError as error:
        sys.exit(str(error))
    if options.audit and staged:
        entry = entry_by_hand(
            "approve", decision, staged.as_champion(), options.model, options.reason
        )
        audit.append(options.audit, entry)
    sys.stdout.write(f"version {options.version}: {decision}\n")


if __name__ == "__main__":
    main()
