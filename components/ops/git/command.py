"""Runs git in a temporary bare repository, closed to whatever a repository could run or ask."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from components.core.errors import RatoonError
from components.ops.git import credential_helper
from components.ops.git.address import CREDENTIALS, CREDENTIALS_VARIABLE, host_of

TIMEOUT_S = 120.0
MAX_MESSAGE_CHARS = 300
# The machine says how to connect; every other variable of git is ours.
_CONNECTION_VARIABLES = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_PROXY_SSL_CAINFO")
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    # A server that stalls is given up before git's own patience ends.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "30",
}


class GitFailure(Enum):
    """Why git failed, by who can do something about it."""

    ACCESS_DENIED = "the credentials do not open it"
    NO_REPOSITORY = "there is no such repository"
    NO_REF = "it has no such branch or commit"
    NON_FAST_FORWARD = "another push came first"
    REJECTED = "its rules reject the push"
    UNAVAILABLE = "it does not answer"


# The first that matches counts: a rejected push also says that it failed to push.
_MESSAGES = (
    (
        GitFailure.ACCESS_DENIED,
        r"Authentication failed|could not read (Username|Password)|Access denied"
        r"|returned error: 40[13]|Permission to .* denied|Permission denied"
        r"|insufficient permission|unable to create [^\n]*object"
        # A private repository that is asked for without the right secret is not shown at all.
        r"|https://[^\n]* not found",
    ),
    (
        GitFailure.NON_FAST_FORWARD,
        r"\[rejected\]|stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref"
        r"|incorrect old value|reference already exists",
    ),
    (GitFailure.REJECTED, r"\[remote rejected\]|hook declined|protected branch"),
    (
        GitFailure.NO_REF,
        r"couldn't find remote ref|Could not find remote branch|not our ref|unadvertised object",
    ),
    (
        GitFailure.NO_REPOSITORY,
        r"does not appear to be a git repository|file://[^\n]* does not exist",
    ),
)


class GitError(RatoonError):
    """Git failed."""

    def __init__(self, command: str, message: str, failure: GitFailure) -> None:
        self.message, self.failure = " ".join(message.split())[:MAX_MESSAGE_CHARS], failure
        super().__init__(f"git {command}: {self.message}")


@dataclass(frozen=True)
class Git:
    """Git in a bare repository of its own, with access to one remote repository."""

    folder: Path
    url: str
    variables: Mapping[str, str] = field(repr=False)
    timeout_s: float = TIMEOUT_S

    def run(
        self, *arguments: str, given: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> bytes:
        """The output of a git command.

        It reads `given`, and `variables` are added to its environment.

        Raises:
            GitError: It failed, or timed out.
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
            message = f"no answer within {self.timeout_s:g} s"
            raise GitError(arguments[0], message, GitFailure.UNAVAILABLE) from error
        except subprocess.CalledProcessError as error:
            # A push prints on its output why a branch was not moved.
            message = (error.stderr + error.stdout).decode(errors="replace")
            raise GitError(arguments[0], message, _failure(message)) from error

    def run_text(self, *arguments: str, given: bytes = b"") -> str:
        """The output as text, without its last newline."""
        return self.run(*arguments, given=given).decode(errors="replace").rstrip("\n")

    def fetch(self, *wanted: str, depth: int | None = 1) -> None:
        """Fetches branches (``+refs/heads/x:refs/heads/x``) or full commits, all if no depth.

        Raises:
            GitError: The repository does not answer, or does not have them.
        """
        deep = (f"--depth={depth}",) if depth is not None else ()
        # Only a shallow repository can be made whole; a whole one rejects the option.
        if depth is None and (self.folder / "shallow").exists():
            deep = ("--unshallow",)
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", *deep)
        self.run("fetch", *options, "--", self.url, *wanted)


@contextmanager
def repository_for(
    url: str, use_own_config: bool = False, timeout_s: float = TIMEOUT_S
) -> Iterator[Git]:
    """An empty bare repository to work with a remote one; it is removed at the end.

    With `use_own_config` the user's own git configuration, such as a proxy, counts too.
    """
    with tempfile.TemporaryDirectory(prefix="ratoon-git-", ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        (home / "config").write_text(_config_text(url, use_own_config), encoding="utf-8")
        git = Git(home / "bare", url, _environment(home, use_own_config), timeout_s)
        git.folder.mkdir()
        git.run("init", "--quiet", "--bare", "--template=", "--", ".")
        yield git


def credentials_folder() -> str:
    """The folder where the secret is mounted."""
    return os.environ.get(CREDENTIALS_VARIABLE) or CREDENTIALS


def _failure(message: str) -> GitFailure:
    """Why git failed, from its message in English; `UNAVAILABLE` if unknown."""
    found = (failure for failure, pattern in _MESSAGES if re.search(pattern, message))
    return next(found, GitFailure.UNAVAILABLE)


def _config_text(url: str, use_own_config: bool) -> str:
    """The git configuration for work with one repository: only its protocol is allowed."""
    scheme = url.partition("://")[0]
    settings = [*_SETTINGS.items(), (f"protocol.{scheme}.allow", "always")]
    if use_own_config:
        own = os.environ.get("GIT_CONFIG_GLOBAL")
        files = (own,) if own else ("~/.config/git/config", "~/.gitconfig")
        settings = [*(("include.path", file) for file in files), *settings]
    else:
        settings.append(("credential.helper", ""))
    if scheme == "file":
        # On a shared disk the repository has another owner; the address names it on purpose.
        settings.append(("safe.directory", "*"))
    else:
        # A run may name any repository: the secret answers only for hosts that it names too.
        unnamed = "none" if use_own_config else "any"
        program = (sys.executable, "-ISE", str(Path(credential_helper.__file__).resolve()))
        helper = shlex.join((*program, credentials_folder(), host_of(url), unnamed))
        settings.append(("credential.helper", f"!{helper}"))
    return "".join(_line(name, value) for name, value in settings)


def _environment(home: Path, use_own_config: bool) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _CONNECTION_VARIABLES
        or not name.startswith(("GIT_", "SSH_ASKPASS", "LC_", "LANG"))
    }
    closed = {
        "GIT_CONFIG_GLOBAL": str(home / "config"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    if use_own_config:
        return {**kept, **closed}
    return {**kept, **closed, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(home)}


def _line(name: str, value: str) -> str:
    section, _, key = name.rpartition(".")
    section, _, sub = section.partition(".")
    head = f'[{section} "{sub}"]' if sub else f"[{section}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{head}\n\t{key} = "{escaped}"\n'
