"""Makes commits without a checkout: blobs, a tree, and the commit over it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.core.errors import InputError
from components.ops.git.command import Git, GitFailed
from components.ops.git.trouble import Trouble

AUTHOR_VARIABLE = "RATOON_GIT_AUTHOR"
AUTHOR = "Ratoon <ratoon@localhost>"
_PERSON = re.compile(r"(?P<name>[^<>\x00-\x1f]*[^<>\x00-\x20]) <(?P<email>[^<>\x00-\x20]+)>")
_INDEX = "index"


@dataclass(frozen=True)
class Commit:
    """What a commit is to hold.

    Attributes:
        files: Path from the repository's root to content; None removes the file.
        message: Its message.
    """

    files: Mapping[str, bytes | None]
    message: str


def write_commit(git: Git, parent: str, commit: Commit) -> str:
    """Writes a commit over its parent; nobody sees it before it is pushed.

    Returns:
        The id of the commit.

    Raises:
        InputError: The author that the environment names is none.
    """
    index = {"GIT_INDEX_FILE": str(git.folder / _INDEX)}
    git.run("read-tree", parent, variables=index)
    entries = "".join(_entry(git, path, content) for path, content in commit.files.items())
    git.run("update-index", "-z", "--index-info", given=entries.encode(), variables=index)
    tree = git.run("write-tree", variables=index).decode().strip()
    made = git.run(
        "commit-tree", tree, "-p", parent, given=commit.message.encode(), variables=_author()
    )
    return made.decode().strip()


def push(git: Git, made: str, branch: str, expected: str) -> None:
    """Moves a branch to a commit, only if it still is where it was read.

    Args:
        git: Has the commit.
        made: The commit; empty removes the branch.
        branch: The branch.
        expected: Where it was; empty: it must not be there yet.

    Raises:
        GitFailed: It was moved meanwhile (`Trouble.OVERTAKEN`), or the push is not accepted.
    """
    lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
    options = ("--porcelain", "--no-verify", "--no-follow-tags", "--signed=no", lease)
    said = git.ask("push", *options, "--", git.url, f"{made}:refs/heads/{branch}")
    if any(line.startswith("=\t") for line in said.splitlines()):
        # Another process made the very same commit in the same second: it counts for that one.
        raise GitFailed("push", "the same commit came first", Trouble.OVERTAKEN)


def tip_of(git: Git, branch: str) -> str | None:
    """The commit that a branch of the remote repository is at; None: there is no such branch.

    Raises:
        GitFailed: The repository does not answer.
    """
    return branches(git, f"refs/heads/{branch}").get(branch)


def branches(git: Git, pattern: str = "refs/heads/*") -> dict[str, str]:
    """The branches of the remote repository, each with its commit.

    Raises:
        GitFailed: The repository does not answer.
    """
    lines = git.ask("ls-remote", "--heads", "--", git.url, pattern).splitlines()
    named = (line.partition("\t") for line in lines)
    return {ref.removeprefix("refs/heads/"): commit for commit, _, ref in named}


def _entry(git: Git, path: str, content: bytes | None) -> str:
    if content is None:
        return f"0 {'0' * 40}\t{path}\0"
    blob = git.ask("hash-object", "-w", "--stdin", given=content)
    return f"100644 {blob}\t{path}\0"


def _author() -> dict[str, str]:
    person = os.environ.get(AUTHOR_VARIABLE) or AUTHOR
    match = _PERSON.fullmatch(person)
    if match is None:
        raise InputError(AUTHOR_VARIABLE, person, "a name and an address, such as " + AUTHOR)
    return {
        f"GIT_{who}_{what.upper()}": match[what]
        for who in ("AUTHOR", "COMMITTER")
        for what in ("name", "email")
    }
