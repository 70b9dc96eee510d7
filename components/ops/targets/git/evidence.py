"""What the history of a branch gives to the message of a commit."""

from collections.abc import Mapping

from components.ops.git.command import GitError
from components.ops.git.objects import Tree
from components.ops.targets.git.files import MOST_BYTES, NAMES, RECORD
from components.ops.targets.git.history import Rollout, find_rollout
from components.ops.targets.git.message import Step, evidence_in
from components.ops.targets.kserve.record import RolloutRecord

_OF_ITS_OWN = "so this is a commit of its own and no revert."
_HELD = (
    "canaryTrafficPercent: 0 keeps all traffic at the revision of the champion: without it Knative "
    "would send it to the one that is taken back until a new one is ready."
)


def carried_over(tree: Tree, step: Step, record: RolloutRecord) -> tuple[str, ...]:
    """What the commit that staged a version said of it, for the one that promotes it."""
    rollout = _rollout_of(tree, step, record)
    return evidence_in(rollout.commits[-1].body) if rollout and rollout.commits else ()


def undone(
    tree: Tree, step: Step, record: RolloutRecord, wanted: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Which commits a rollback reverts, or why it is no revert.

    Args:
        tree: The folder at the tip.
        step: The rollback.
        record: The record after it.
        wanted: The files after it. They revert the rollout where every manifest is as it was
            before: `RECORD` differs in that it remembers how the rollout ended.
    """
    rollout = _rollout_of(tree, step, record)
    if rollout is None or not rollout.commits:
        return (f"The history does not show how this rollout began, {_OF_ITS_OWN}",)
    if rollout.foreign is not None:
        past = rollout.foreign
        return (f"Commit {past.commit} ({past.subject}) changed the files too, {_OF_ITS_OWN}",)
    first = rollout.commits[-1]
    before = Tree(tree.git, tree.where, f"{first.commit}^", tree.folder)
    other = [
        n for n, content in wanted.items() if n != RECORD and before.find(n, MOST_BYTES) != content
    ]
    if other:
        said = f"{' and '.join(other)} cannot be as before the rollout ({first.commit}^)"
        held = (_HELD,) if record.held else ()
        return (f"{said}, {_OF_ITS_OWN}", *held)
    return tuple(
        f'This reverts commit {past.commit} ("{past.subject}").' for past in rollout.commits
    )


def _rollout_of(tree: Tree, step: Step, record: RolloutRecord) -> Rollout | None:
    assert step.about is not None  # a rollout is of a version
    try:
        return find_rollout(tree, NAMES, record.model, step.about.version)
    except GitError:  # a rollback must not wait for its own explanation
        return None
