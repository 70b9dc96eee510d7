"""A model's folder at one commit of a git repository; nothing of it is checked out or run."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import InputError

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.~-]*"
_URI = re.compile(
    rf"git\+(?P<url>https://[A-Za-z0-9.-]+(:\d+)?(/{_PART})+|file://(/{_PART})+)"
    rf"@(?P<commit>[^@#]*)(#(?P<folder>{_PART}(/{_PART})*)?)?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ACCEPTED = "git+https://host/repository@<the full 40 digits of a commit>#folder"
_TIMEOUT_S = 120
_OF_A_REPOSITORY = {
    f"GIT_{name}"
    for name in ("DIR", "WORK_TREE", "INDEX_FILE", "COMMON_DIR", "OBJECT_DIRECTORY", "NAMESPACE")
}


@dataclass(frozen=True)
class GitFolder:
    """A folder of one commit, read blob by blob.

    Attributes:
        where: The URI that it was asked for by.
        repository: The bare repository on this machine.
        tree: ``<commit>:<folder>/``.
    """

    where: str
    repository: Path
    tree: str

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """The file's content; None where the commit has no such file."""
        blob = f"{self.tree}{name}"
        if not _is_file(self.repository, self.tree, name):
            return None
        size = int(_git(self.repository, "cat-file", "-s", blob))
        if size > most_bytes:
            raise InputError(f"{self.where}: {name}", size, f"at most {most_bytes} bytes")
        return _git(self.repository, "cat-file", "blob", blob)


@contextmanager
def fetched(uri: str) -> Iterator[GitFolder]:
    """Fetches the one commit of a ``git+https://`` (or ``git+file://``) URI.

    Raises:
        InputError: The URI names no full commit, or the repository does not have it.
    """
    match = _URI.fullmatch(uri)
    if match is None or not _COMMIT.fullmatch(match["commit"]):
        raise InputError("model", uri, _ACCEPTED, "A branch or a short commit may move.")
    with tempfile.TemporaryDirectory(prefix="model-") as temporary:
        repository = Path(temporary)
        _git(repository, "init", "--quiet", "--bare", "--template=", "--", ".")
        try:
            _git(repository, *_fetch(match["url"], match["commit"]))
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise InputError("model", uri, f"a commit that can be read ({_said(error)})") from error
        folder = f"{match['folder']}/" if match["folder"] else ""
        yield GitFolder(uri, repository, f"{match['commit']}:{folder}")


def _fetch(url: str, commit: str) -> tuple[str, ...]:
    scheme = url.partition("://")[0]
    protocols = ("-c", "protocol.allow=never", "-c", f"protocol.{scheme}.allow=always")
    return (*protocols, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, commit)


def _is_file(repository: Path, tree: str, name: str) -> bool:
    """Whether the commit has a plain file there: no link and no submodule."""
    commit, _, folder = tree.partition(":")
    found = _git(repository, "ls-tree", commit, "--", f"{folder}{name}").decode()
    return found.startswith("100")


def _git(repository: Path, *arguments: str) -> bytes:
    # Within a hook git's own variables name the hook's repository; those on how to connect stay.
    inherited = {k: v for k, v in os.environ.items() if k not in _OF_A_REPOSITORY}
    environment = {**inherited, "GIT_TERMINAL_PROMPT": "0", "GIT_DIR": str(repository)}
    return subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env=environment,
        capture_output=True,
        check=True,
        timeout=_TIMEOUT_S,
    ).stdout


def _said(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {_TIMEOUT_S} s"
    return " ".join(error.stderr.decode(errors="replace").split())[:200]
