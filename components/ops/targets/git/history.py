"""What the history of a branch says about a rollout, for the message of the next commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.ops.git.command import GitError
from components.ops.git.objects import Tree
from components.ops.targets.git.commit_message import (
    DECISION,
    MODEL,
    VERSION,
    Transition,
    evidence_in,
)
from components.ops.targets.git.files import MAX_BYTES, NAMES, RECORD
from components.ops.targets.kserve.record import RolloutRecord

_DEPTHS = (50, 1_000, None)
_SEPARATOR = "\x1f"
_FIELDS = (
    "%H",
    *(f"%(trailers:key={key},valueonly,separator=%x2C)" for key in (MODEL, VERSION, DECISION)),
    "%s",
    "%b",
)
_OF_ITS_OWN = "so this is a commit of its own and not a revert."
_PINNED = (
    "canaryTrafficPercent: 0 keeps all traffic at the revision of the champion: without it Knative "
    "would send it to the rolled back one until a new one is ready."
)


@dataclass(frozen=True)
class PastCommit:
    """A commit that touched the files."""

    commit: str
    model: str
    version: str
    decision: str
    subject: str
    body: str


@dataclass(frozen=True)
class RolloutCommits:
    """The commits of a rollout under way.

    Attributes:
        commits: Newest first; the last one staged the version.
        foreign: The newest commit by somebody else since, if any.
    """

    commits: tuple[PastCommit, ...] = ()
    foreign: PastCommit | None = None


def find_rollout_commits(
    tree: Tree, names: Sequence[str], model: str, version: str
) -> RolloutCommits:
    """Finds the commits of a version's rollout up to the tip, and deepens the clone for them.

    Returns:
        No commits if the history does not hold its beginning.
    """
    for depth in _DEPTHS:
        tree.git.fetch(tree.commit, depth=depth)
        commits: list[PastCommit] = []
        foreign: PastCommit | None = None
        for past in _log(tree, names):
            if (past.model, past.version) != (model, version):
                foreign = foreign or past
                continue
            commits.append(past)
            if past.decision == "staged":
                return RolloutCommits(tuple(commits), foreign)
    return RolloutCommits()


def _log(tree: Tree, names: Sequence[str]) -> tuple[PastCommit, ...]:
    paths = [tree.path_of(name) for name in names]
    form = f"--format={_SEPARATOR.join(_FIELDS)}"
    text = tree.git.run_text("log", "-z", form, tree.commit, "--", *paths)
    shallow = tree.git.folder / "shallow"
    # In a shallow clone the oldest commit seems to have created everything in it.
    cut = set(shallow.read_text().split()) if shallow.exists() else set()
    found = [PastCommit(*entry.split(_SEPARATOR, 5)) for entry in text.split("\0") if entry]
    return tuple(past for past in found if past.commit not in cut)


def staged_evidence(tree: Tree, transition: Transition, record: RolloutRecord) -> tuple[str, ...]:
    """Returns the evidence in the commit that staged a version, for the one that promotes it."""
    rollout = _find_rollout(tree, transition, record)
    return evidence_in(rollout.commits[-1].body) if rollout and rollout.commits else ()


def rollback_notes(
    tree: Tree, transition: Transition, record: RolloutRecord, wanted: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Says which commits a rollback reverts, or why it is not a revert.

    Args:
        tree: The folder at the tip.
        transition: The rollback.
        record: The record after it.
        wanted: The files after it. They revert the rollout if every manifest is as before;
            `RECORD` remembers how the rollout ended.
    """
    rollout = _find_rollout(tree, transition, record)
    if rollout is None or not rollout.commits:
        return (f"The history does not show how this rollout began, {_OF_ITS_OWN}",)
    if rollout.foreign is not None:
        past = rollout.foreign
        return (f"Commit {past.commit} ({past.subject}) changed the files too, {_OF_ITS_OWN}",)
    first = rollout.commits[-1]
    before = Tree(tree.git, tree.where, f"{first.commit}^", tree.folder)
    other = [
        n for n, content in wanted.items() if n != RECORD and before.find(n, MAX_BYTES) != content
    ]
    if other:
        cause = f"{' and '.join(other)} cannot be as before the rollout ({first.commit}^)"
        pinned = (_PINNED,) if record.pinned else ()
        return (f"{cause}, {_OF_ITS_OWN}", *pinned)
    return tuple(
        f'This reverts commit {past.commit} ("{past.subject}").' for past in rollout.commits
    )


def _find_rollout(
    tree: Tree, transition: Transition, record: RolloutRecord
) -> RolloutCommits | None:
    assert transition.about is not None  # a rollout is of a version
    try:
        return find_rollout_commits(tree, NAMES, record.model, transition.about.version)
    except GitError:  # a rollback must not depend on its explanation
        return None
