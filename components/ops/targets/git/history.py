"""What the history of a branch says about the rollout of one version."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.ops.git.objects import Tree
from components.ops.targets.git.message import DECISION, MODEL, VERSION

_DEPTHS = (50, 1_000, None)
_SEPARATOR = "\x1f"
_FIELDS = (
    "%H",
    *(f"%(trailers:key={key},valueonly,separator=%x2C)" for key in (MODEL, VERSION, DECISION)),
    "%s",
    "%b",
)


@dataclass(frozen=True)
class Past:
    """A commit that touched the files.

    Attributes:
        commit: Its id.
        model: The model that it is about, if it is one of Ratoon's.
        version: The version that it is about.
        decision: What it did.
        subject: Its first line.
        body: The rest of its message.
    """

    commit: str
    model: str
    version: str
    decision: str
    subject: str
    body: str


@dataclass(frozen=True)
class Rollout:
    """The commits of a rollout under way.

    Attributes:
        commits: Newest first; the last one staged the version.
        foreign: The newest commit of somebody else since, if there is one.
    """

    commits: tuple[Past, ...] = ()
    foreign: Past | None = None


def find_rollout(tree: Tree, names: Sequence[str], model: str, version: str) -> Rollout:
    """The commits of the version's rollout, up to the tip of the branch.

    Args:
        tree: The folder at the tip; its repository is deepened until the rollout is whole.
        names: The files of the folder that are looked at.
        model: The model.
        version: The version whose rollout is under way.

    Returns:
        No commits where the history does not hold its beginning.
    """
    for depth in _DEPTHS:
        tree.git.fetch(tree.commit, depth=depth)
        commits: list[Past] = []
        foreign: Past | None = None
        for past in _log(tree, names):
            if (past.model, past.version) != (model, version):
                foreign = foreign or past
                continue
            commits.append(past)
            if past.decision == "staged":
                return Rollout(tuple(commits), foreign)
    return Rollout()


def _log(tree: Tree, names: Sequence[str]) -> tuple[Past, ...]:
    paths = [tree.path_of(name) for name in names]
    form = f"--format={_SEPARATOR.join(_FIELDS)}"
    text = tree.git.run_text("log", "-z", form, tree.commit, "--", *paths)
    shallow = tree.git.folder / "shallow"
    # The commit where the history was cut off seems to have made everything that stands in it.
    cut = set(shallow.read_text().split()) if shallow.exists() else set()
    found = [Past(*entry.split(_SEPARATOR, 5)) for entry in text.split("\0") if entry]
    return tuple(past for past in found if past.commit not in cut)
