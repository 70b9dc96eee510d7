"""Addresses of folders in git repositories, parsed into parts that are safe to give to git."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from components.core.errors import InputError

# Where the secret of a repository is mounted, and the variable that names another folder.
CREDENTIALS = "/var/run/secrets/ratoon/git"
CREDENTIALS_VARIABLE = "RATOON_GIT_CREDENTIALS"
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.~-]*"
_QUERY = r"[A-Za-z0-9_=&.-]*"
_ADDRESS = re.compile(
    rf"git\+(?P<url>https://[A-Za-z0-9.-]+(:\d+)?(/{_PART})+|file://(/{_PART})+)"
    rf"@(?P<at>[^@#?][^#?]*)?(\?(?P<before>{_QUERY}))?"
    rf"(#(?P<folder>{_PART}(/{_PART})*)?(\?(?P<after>{_QUERY}))?)?"
)
_USER = re.compile(r"(?<=://)[^/@]*@")
_NOT_IN_A_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\#]|\.\.|//|@\{|/\.|\.lock(/|$)")


@dataclass(frozen=True)
class GitAddress:
    """``git+<url>@<at>#<folder>``, with a query after the folder or before the ``#``.

    Attributes:
        url: ``https://host/repository`` or ``file:///repository``, without credentials.
        folder: The folder in the repository; empty for its root.
    """

    url: str
    at: str
    folder: str
    query: str = ""

    @property
    def where(self) -> str:
        """Its name in errors and sentences, without secrets."""
        return f"git+{self.url}@{self.at}#{self.folder}"

    @property
    def is_local(self) -> bool:
        """Whether the repository is on a disk of this machine."""
        return self.url.startswith("file://")


def parse_address(text: str, where: str, accepted: str, do: str = "") -> GitAddress:
    """Parses the address of a branch or commit of a git repository.

    `where`, `accepted` and `do` are for errors.

    Raises:
        InputError: It is not one, or carries credentials.
    """
    hidden = _USER.sub("…@", text)
    if hidden != text:
        raise InputError(
            where,
            hidden,
            f"{accepted}, without credentials",
            f"Put them into the secret that is mounted at {CREDENTIALS} (files username and "
            f"password, or token; {CREDENTIALS_VARIABLE} names another folder), and revoke "
            "these: they were written down.",
        )
    match = _ADDRESS.fullmatch(text)
    if match is None or (match["before"] and match["after"]):
        raise InputError(where, text, accepted, do)
    query = match["before"] or match["after"] or ""
    return GitAddress(match["url"], match["at"] or "", match["folder"] or "", query)


def is_branch_name(name: str) -> bool:
    """Whether git and an address accept the name of a branch."""
    if not name or name in ("@", "HEAD") or _NOT_IN_A_BRANCH.search(name):
        return False
    return not (name.startswith(("-", "/", ".")) or name.endswith(("/", ".")))


def host_of(url: str) -> str:
    """Host and port, as git gives them to a credential helper; empty for a file."""
    return urlsplit(url).netloc
