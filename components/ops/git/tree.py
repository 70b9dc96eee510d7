"""The files of one commit, read blob by blob; nothing of it is checked out or run."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.core.errors import InputError
from components.ops.git.command import Git


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
        if not self.mode_of(name).startswith("100"):
            return None  # no file, or a link, a folder or a submodule
        blob = f"{self.commit}:{self.path_of(name)}"
        size = int(self.git.ask("cat-file", "-s", blob))
        if size > most_bytes:
            raise InputError(f"{self.where}: {name}", size, f"at most {most_bytes} bytes")
        return self.git.run("cat-file", "blob", blob)

    def check_plain(self, names: Sequence[str]) -> None:
        """Checks that nothing but plain files in plain folders has these names.

        Raises:
            InputError: A link, a submodule or a folder has one of them.
        """
        parts = self.folder.split("/") if self.folder else []
        folders = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        modes = {path: self._mode(path) for path in folders}
        files = {self.path_of(name): self.mode_of(name) for name in names}
        wrong = [path for path, mode in modes.items() if mode not in ("", "040000")]
        wrong += [path for path, mode in files.items() if mode and not mode.startswith("100")]
        if wrong:
            given = f"{wrong[0]}, which is no plain file or folder"
            raise InputError(self.where, given, "plain files in plain folders")

    def mode_of(self, name: str) -> str:
        """Git's mode of what has this name: 100644 is a file, 120000 a link; empty for nothing."""
        return self._mode(self.path_of(name))

    def path_of(self, name: str) -> str:
        """The name from the root of the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def _mode(self, path: str) -> str:
        return self.git.ask("ls-tree", self.commit, "--", path).partition(" ")[0]
