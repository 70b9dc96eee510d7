"""Reads and writes git objects without a checkout; nothing of a repository is run."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.core.errors import InputError
from components.ops.git.command import Git, GitError, GitFailure

AUTHOR_VARIABLE = "RATOON_GIT_AUTHOR"
AUTHOR = "Ratoon <ratoon@localhost>"
_PERSON = re.compile(r"(?P<name>[^<>\x00-\x1f]*[^<>\x00-\x20]) <(?P<email>[^<>\x00-\x20]+)>")


@dataclass(frozen=True)
class _Entry:
    mode: str
    blob: str
    size: int


@dataclass(frozen=True)
class Tree:
    """The folder of one commit; empty for its root. Errors call it `where`."""

    git: Git
    where: str
    commit: str
    folder: str = ""

    def find(self, name: str, max_bytes: int) -> bytes | None:
        """The file's content; None if the commit has no such file.

        Raises:
            InputError: It is larger than `max_bytes`.
        """
        entry = self._entries([self.path_of(name)]).get(self.path_of(name))
        if entry is None or not _is_file(entry):
            return None  # no file, or a link, a folder or a submodule
        self._check_size(name, entry, max_bytes)
        return self.git.run("cat-file", "blob", entry.blob)

    def read(self, names: Sequence[str], max_bytes: int) -> Mapping[str, bytes]:
        """The content of those of the files that exist.

        Raises:
            InputError: One is larger than `max_bytes`, or a link, a submodule or a folder.
        """
        paths = {name: self.path_of(name) for name in names}
        folders = {str(p) for path in paths.values() for p in PurePosixPath(path).parents} - {"."}
        entries = self._entries([*folders, *paths.values()])
        for path in sorted(folders & entries.keys()):
            self._check_plain(path, entries[path].mode == "040000")
        found = {name: entries[path] for name, path in paths.items() if path in entries}
        for name, entry in found.items():
            self._check_plain(paths[name], _is_file(entry))
            self._check_size(name, entry, max_bytes)
        return dict(zip(found, self._contents(found.values()), strict=True))

    def names(self) -> tuple[str, ...]:
        """The names of what is directly in the folder, sorted."""
        tree = f"{self.commit}:{self.folder}"
        listed = self.git.run_text("ls-tree", "--name-only", "-z", tree)
        return tuple(sorted(filter(None, listed.split("\0"))))

    def path_of(self, name: str) -> str:
        """The name from the root of the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def _entries(self, paths: Iterable[str]) -> Mapping[str, _Entry]:
        """The entries at these paths, and maybe more."""
        listed = self.git.run_text("ls-tree", "-t", "-l", "-z", self.commit, "--", *paths)
        found = {}
        for line in filter(None, listed.split("\0")):
            said, _, path = line.partition("\t")
            mode, _, blob, size = said.split()
            found[path] = _Entry(mode, blob, int(size) if size.isdigit() else 0)
        return found

    def _contents(self, entries: Iterable[_Entry]) -> list[bytes]:
        asked = "".join(f"{entry.blob}\n" for entry in entries)
        answer, contents = self.git.run("cat-file", "--batch", given=asked.encode()), []
        while answer:
            head, _, rest = answer.partition(b"\n")
            size = int(head.split()[2])
            contents.append(rest[:size])
            answer = rest[size + 1 :]
        return contents

    def _check_plain(self, path: str, is_plain: bool) -> None:
        if not is_plain:
            given = f"{path}, which is a link, a submodule, or a folder in place of a file"
            raise InputError(self.where, given, "plain files in plain folders")

    def _check_size(self, name: str, entry: _Entry, max_bytes: int) -> None:
        if entry.size > max_bytes:
            raise InputError(f"{self.where}: {name}", entry.size, f"at most {max_bytes} bytes")


def _is_file(entry: _Entry) -> bool:
    return entry.mode.startswith("100")


@dataclass(frozen=True)
class Commit:
    """The content of a commit.

    Attributes:
        files: Path from the repository's root to content; None removes the file.
    """

    files: Mapping[str, bytes | None]
    message: str


def write_commit(git: Git, parent: str, commit: Commit) -> str:
    """Writes a commit, which nobody sees before it is pushed; its id.

    Raises:
        InputError: The author that the environment names is not valid.
    """
    index = {"GIT_INDEX_FILE": str(git.folder / "index")}
    git.run("read-tree", parent, variables=index)
    entries = "".join(_entry(git, path, content) for path, content in commit.files.items())
    git.run("update-index", "-z", "--index-info", given=entries.encode(), variables=index)
    tree = git.run("write-tree", variables=index).decode().strip()
    made = git.run(
        "commit-tree", tree, "-p", parent, given=commit.message.encode(), variables=_author()
    )
    return made.decode().strip()


def push(git: Git, made: str, branch: str, expected: str) -> None:
    """Moves a branch to the commit `made` if it is still at `expected`.

    An empty `made` removes the branch; an empty `expected` means that it must not exist yet.

    Raises:
        GitError: It was moved meanwhile (`GitFailure.NON_FAST_FORWARD`), or the push is rejected.
    """
    lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
    options = ("--porcelain", "--no-verify", "--no-follow-tags", "--signed=no", lease)
    output = git.run_text("push", *options, "--", git.url, f"{made}:refs/heads/{branch}")
    if any(line.startswith("=\t") for line in output.splitlines()):
        # Another process pushed the very same commit in the same second: the branch is its.
        raise GitError("push", "the same commit came first", GitFailure.NON_FAST_FORWARD)


def tip_of(git: Git, branch: str) -> str | None:
    """The commit of a branch as `branches` has it; None if there is no such branch."""
    return branches(git, f"refs/heads/{branch}").get(branch)


def branches(git: Git, pattern: str = "refs/heads/*") -> dict[str, str]:
    """The branches of the remote repository, each with its commit.

    Raises:
        GitError: The repository does not answer.
    """
    lines = git.run_text("ls-remote", "--heads", "--", git.url, pattern).splitlines()
    named = (line.partition("\t") for line in lines)
    return {ref.removeprefix("refs/heads/"): commit for commit, _, ref in named}


def _entry(git: Git, path: str, content: bytes | None) -> str:
    if content is None:
        return f"0 {'0' * 40}\t{path}\0"
    blob = git.run_text("hash-object", "-w", "--stdin", given=content)
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
