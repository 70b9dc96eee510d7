"""A model's folder at one commit of a git repository."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from components.core.errors import InputError
from components.ops.git.address import parse_address
from components.ops.git.command import GitFailed, repository_for
from components.ops.git.tree import Tree

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ACCEPTED = "git+https://host/repository@<the full 40 digits of a commit>#folder"
_DO = "A branch or a short commit may move."


@contextmanager
def fetched(uri: str) -> Iterator[Tree]:
    """Fetches the one commit of a ``git+https://`` (or ``git+file://``) URI.

    Raises:
        InputError: The URI names no full commit, or the repository does not have it.
    """
    address = parse_address(uri, "model", _ACCEPTED, _DO)
    if not _COMMIT.fullmatch(address.at) or address.query:
        raise InputError("model", uri, _ACCEPTED, _DO)
    # A person reads models with the settings and credentials that their own git has.
    with repository_for(address.url, own_too=True) as git:
        try:
            git.fetch(address.at)
        except GitFailed as error:
            accepted = f"a commit that can be read ({error.said[:200]})"
            raise InputError("model", uri, accepted) from error
        yield Tree(git, uri, address.at, address.folder)
