"""The files of one commit, read blob by blob; nothing of it is checked out or run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.core.errors import InputError
from components.ops.git.command import Git


@dataclass(frozen=True)
class _Entry:
    mode: str
    blob: str
    size: int


@dataclass(frozen=True)
class Tree:
    """The folder of one commit.

    Attributes:
        git: A repository that has the commit.
        where: What to call the folder in errors.
        commit: The commit.
        folder: The folder in it; empty for its root.
    """

    git: Git
    where: str
    commit: str
    folder: str = ""

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """The file's content; None where the commit has no such file.

        Raises:
            InputError: It is larger than `most_bytes`.
        """
        entry = self._entries([self.path_of(name)]).get(self.path_of(name))
        if entry is None or not _is_file(entry):
            return None  # no file, or a link, a folder or a submodule
        self._check_size(name, entry, most_bytes)
        return self.git.run("cat-file", "blob", entry.blob)

    def read(self, names: Sequence[str], most_bytes: int) -> Mapping[str, bytes]:
        """The content of those files that the commit has.

        Raises:
            InputError: One is larger than `most_bytes`, or a link, a submodule or a folder.
        """
        paths = {name: self.path_of(name) for name in names}
        folders = {str(p) for path in paths.values() for p in PurePosixPath(path).parents} - {"."}
        entries = self._entries([*folders, *paths.values()])
        for path in sorted(folders & entries.keys()):
            self._check_plain(path, entries[path].mode == "040000")
        found = {name: entries[path] for name, path in paths.items() if path in entries}
        for name, entry in found.items():
            self._check_plain(paths[name], _is_file(entry))
            self._check_size(name, entry, most_bytes)
        return dict(zip(found, self._contents(found.values()), strict=True))

    def path_of(self, name: str) -> str:
        """The name from the root of the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def _entries(self, paths: Iterable[str]) -> Mapping[str, _Entry]:
        """What the commit has at these paths, and maybe more."""
        listed = self.git.ask("ls-tree", "-t", "-l", "-z", self.commit, "--", *paths)
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

    def _check_size(self, name: str, entry: _Entry, most_bytes: int) -> None:
        if entry.size > most_bytes:
            raise InputError(f"{self.where}: {name}", entry.size, f"at most {most_bytes} bytes")


def _is_file(entry: _Entry) -> bool:
    return entry.mode.startswith("100")
