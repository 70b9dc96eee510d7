"""Runs git, in a bare repository that lasts as long as it is needed."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from components.core.errors import RatoonError
from components.ops.git.settings import config_text, environment
from components.ops.git.trouble import Trouble, trouble_of

TIMEOUT_S = 120.0
_SAID_CHARACTERS = 300


class GitFailed(RatoonError):
    """Git ended with an error.

    Args:
        command: Git's subcommand.
        said: What it said.
        trouble: What is wrong.
    """

    def __init__(self, command: str, said: str, trouble: Trouble) -> None:
        self.said, self.trouble = " ".join(said.split())[:_SAID_CHARACTERS], trouble
        super().__init__(f"git {command}: {self.said}")


@dataclass(frozen=True)
class Git:
    """Git in a bare repository of its own, allowed to speak to one remote repository.

    Attributes:
        folder: The bare repository on this machine.
        url: The remote repository.
        variables: The environment that git runs in.
        timeout_s: How long one command may take.
    """

    folder: Path
    url: str
    variables: Mapping[str, str] = field(repr=False)
    timeout_s: float = TIMEOUT_S

    def run(
        self, *arguments: str, given: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> bytes:
        """What git answers.

        Args:
            arguments: The subcommand and its arguments.
            given: What it reads.
            variables: Added to its environment.

        Raises:
            GitFailed: It ended with an error, or not in time.
        """
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env={**self.variables, **(variables or {}), "GIT_DIR": str(self.folder)},
                input=given,
                capture_output=True,
                check=True,
                timeout=self.timeout_s,
            ).stdout
        except subprocess.TimeoutExpired as error:
            said = f"no answer within {self.timeout_s:g} s"
            raise GitFailed(arguments[0], said, Trouble.AWAY) from error
        except subprocess.CalledProcessError as error:
            # A push says on its output why a branch was not moved.
            said = (error.stderr + error.stdout).decode(errors="replace")
            raise GitFailed(arguments[0], said, trouble_of(said)) from error

    def ask(self, *arguments: str, given: bytes = b"") -> str:
        """What git answers, as one text without its last line's end."""
        return self.run(*arguments, given=given).decode(errors="replace").rstrip("\n")

    def fetch(self, *wanted: str, depth: int | None = 1) -> None:
        """Brings commits here.

        Args:
            wanted: Branches (``+refs/heads/x:refs/heads/x``) or full commits.
            depth: How many commits of the history; None: all.

        Raises:
            GitFailed: The repository does not answer, or does not have them.
        """
        deep = (f"--depth={depth}",) if depth is not None else ()
        # All of a history that is here in part has to be asked for, and is refused of a whole one.
        if depth is None and (self.folder / "shallow").exists():
            deep = ("--unshallow",)
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", *deep)
        self.run("fetch", *options, "--", self.url, *wanted)


@contextmanager
def repository_for(url: str, own_too: bool = False, timeout_s: float = TIMEOUT_S) -> Iterator[Git]:
    """An empty bare repository, which is removed at the end, to work with a remote one.

    Args:
        url: The remote repository, checked by `parse_address`.
        own_too: Whether the user's own settings of git count as well.
        timeout_s: How long one command may take.
    """
    with tempfile.TemporaryDirectory(prefix="ratoon-git-", ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        (home / "config").write_text(config_text(url, os.environ, own_too), encoding="utf-8")
        git = Git(home / "bare", url, environment(os.environ, home, own_too), timeout_s)
        git.folder.mkdir()
        git.run("init", "--quiet", "--bare", "--template=", "--", ".")
        yield git
