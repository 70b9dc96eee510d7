"""One branch of a remote repository: read at its tip, and changed by compare-and-set."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from components.core.errors import ApiRejected, ApiUnavailable, InputError, RatoonError
from components.ops.git.address import CREDENTIALS_VARIABLE, GitAddress, host_of
from components.ops.git.command import Git, GitError, GitFailure, credentials_folder, repository_for
from components.ops.git.objects import Commit, Tree, branches, push, tip_of, write_commit

DEADLINE_S = 90.0
_COMMAND_TIMEOUT_S = 45.0
_MIN_BACKOFF_S = 0.05
_MAX_BACKOFF_S = 5.0
_TRANSIENT = (GitFailure.NON_FAST_FORWARD, GitFailure.UNAVAILABLE)
_random = random.SystemRandom()
_T = TypeVar("_T")

# From the tip of the branch to the commit that should follow; None if none should.
Decide = Callable[[Tree], Commit | None]


@dataclass(frozen=True)
class Branch:
    """A branch of a remote repository.

    Every method raises `ApiRejected` if the credentials or a push are refused, and `ApiUnavailable`
    if the repository does not answer.

    Transient errors are retried for `deadline_s`.
    """

    address: GitAddress
    deadline_s: float = DEADLINE_S

    def read(self, read: Callable[[Tree], _T]) -> _T:
        """Calls `read` with the folder at the tip, which exists for as long as the call lasts.

        Raises:
            InputError: The repository has no such branch.
        """
        return self._retried(lambda git: read(self._fetched(git)))

    def change(self, decide: Decide, onto: str | None = None) -> str:
        """Adds one commit to the branch; if another push came first, it is decided anew.

        Args:
            decide: From the tip to the commit that should follow; it may raise to give up.
            onto: Another branch that gets the commit instead and is replaced if it exists.

        Returns:
            The new commit, or the tip if there was nothing to change.

        Raises:
            InputError: The repository has no such branch.
            ApiUnavailable: Others pushed first until the deadline.
        """

        def once(git: Git) -> str:
            tree = self._fetched(git)
            commit = decide(tree)
            if commit is None:
                return tree.commit
            made = write_commit(git, tree.commit, commit)
            before = tree.commit if onto is None else tip_of(git, onto) or ""
            push(git, made, onto or self.address.at, before)
            return made

        return self._retried(once)

    def tip(self, name: str | None = None) -> str | None:
        """Returns the tip of a branch, by default of this one; None if it does not exist."""
        return self._retried(lambda git: tip_of(git, name or self.address.at))

    def remove(self, name: str) -> None:
        """Removes another branch, if it exists."""

        def once(git: Git) -> None:
            at = tip_of(git, name)
            if at is not None:
                push(git, "", name, at)

        self._retried(once)

    def _fetched(self, git: Git) -> Tree:
        ref = f"refs/heads/{self.address.at}"
        try:
            git.fetch(f"+{ref}:{ref}")
        except GitError as error:
            if error.failure is not GitFailure.NO_REF:
                raise
            names = ", ".join(sorted(branches(git))[:20])
            accepted = f"a branch that {self.address.url} has: {names or 'it has none yet'}"
            do = "" if names else "Make its first commit."
            raise InputError("serving.target", self.address.at, accepted, do) from error
        where = f"{self.address.url}@{self.address.at}: {self.address.folder}"
        return Tree(git, where, git.run_text("rev-parse", "--verify", ref), self.address.folder)

    def _retried(self, work: Callable[[Git], _T]) -> _T:
        deadline, backoff_s = None, _MIN_BACKOFF_S
        timeout_s = min(_COMMAND_TIMEOUT_S, self.deadline_s)
        while True:
            try:
                # A fresh repository each time: an interrupted command leaves locks behind.
                with repository_for(self.address.url, timeout_s=timeout_s) as git:
                    return work(git)
            except GitError as error:
                # Counted from the first failure: a change may take long before it is pushed.
                deadline = deadline or time.monotonic() + self.deadline_s
                left_s = deadline - time.monotonic()
                if error.failure not in _TRANSIENT or left_s <= 0:
                    raise self._as_error(error) from error
            time.sleep(min(left_s, _random.uniform(0, backoff_s)))
            backoff_s = min(_MAX_BACKOFF_S, 2 * backoff_s)

    def _as_error(self, error: GitError) -> RatoonError:
        failure, url = error.failure, self.address.url
        what = f"{url}: {failure.value} ({error.message})"
        if failure is GitFailure.ACCESS_DENIED:
            return ApiRejected(f"{what}. {_access_hint(self.address)}")
        if failure is GitFailure.REJECTED:
            do = f"Let the user of Ratoon push to {self.address.at} and to ratoon/*."
            return ApiRejected(f"{what}. {do}")
        tried = f"; tried again for {self.deadline_s:g} s" if failure in _TRANSIENT else ""
        return ApiUnavailable(f"{what}{tried}")


def _access_hint(address: GitAddress) -> str:
    if address.is_local:
        return "Let the user that Ratoon runs as read and write the folder."
    return (
        f"The secret ratoon-git, mounted at {credentials_folder()}, holds username and password, "
        f"or token, with the right to write there; its file host, if it is there, names "
        f"{host_of(address.url)} ({CREDENTIALS_VARIABLE} names another folder)."
    )
