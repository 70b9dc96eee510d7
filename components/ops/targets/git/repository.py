"""One branch of a repository: read at its tip, and changed by compare-and-set."""

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
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_PASSING = (GitFailure.NON_FAST_FORWARD, GitFailure.UNAVAILABLE)
_random = random.SystemRandom()
_T = TypeVar("_T")

# From what stands at the tip of the branch to the commit that should follow; None: none should.
Decide = Callable[[Tree], Commit | None]


@dataclass(frozen=True)
class Branch:
    """A branch of a remote repository.

    Attributes:
        address: The repository, the branch and the folder that is worked on.
        deadline_s: How long what may pass is tried again.
    """

    address: GitAddress
    deadline_s: float = DEADLINE_S

    def read(self, read: Callable[[Tree], _T]) -> _T:
        """Reads the tip of the branch.

        Args:
            read: Takes the folder at the tip, which is there for as long as the call lasts.

        Raises:
            InputError: The repository has no such branch.
            ApiRejected: The credentials do not open it.
            ApiUnavailable: It does not answer.
        """

        def once(git: Git) -> _T:
            return read(self._fetched(git))

        return self._retried(once)

    def change(self, decide: Decide, onto: str | None = None) -> str:
        """Adds one commit to the branch; where another push came first, it is decided anew.

        Args:
            decide: From what stands to the commit that should follow; it may raise to give up.
            onto: Another branch that gets the commit instead and is replaced where it is there.

        Returns:
            The commit: the new one, or the tip where there was nothing to change.

        Raises:
            InputError: The repository has no such branch.
            ApiRejected: The credentials do not open it, or its rules refuse the push.
            ApiUnavailable: It does not answer, or others pushed first until the deadline.
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
        """The commit that a branch is at; None: there is none of this name.

        Args:
            name: The branch; None: this one.

        Raises:
            ApiRejected: The credentials do not open the repository.
            ApiUnavailable: It does not answer.
        """
        return self._retried(lambda git: tip_of(git, name or self.address.at))

    def remove(self, name: str) -> None:
        """Removes another branch; nothing where there is none.

        Raises:
            ApiRejected: The credentials do not open the repository, or its rules refuse it.
            ApiUnavailable: It does not answer.
        """

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
            if error.failure is GitFailure.NO_REF:
                raise self._no_branch(git) from error
            raise
        where = f"{self.address.url}@{self.address.at}: {self.address.folder}"
        return Tree(git, where, git.run_text("rev-parse", "--verify", ref), self.address.folder)

    def _retried(self, work: Callable[[Git], _T]) -> _T:
        deadline, pause_s = None, _FIRST_PAUSE_S
        timeout_s = min(_COMMAND_TIMEOUT_S, self.deadline_s)
        while True:
            try:
                # Begun anew each time: a command that was cut off leaves locks behind.
                with repository_for(self.address.url, timeout_s=timeout_s) as git:
                    return work(git)
            except GitError as error:
                # Counted from the first failure: a change may take long before it is pushed.
                deadline = deadline or time.monotonic() + self.deadline_s
                left_s = deadline - time.monotonic()
                if error.failure not in _PASSING or left_s <= 0:
                    raise self._told(error) from error
            time.sleep(min(left_s, _random.uniform(0, pause_s)))
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)

    def _no_branch(self, git: Git) -> InputError:
        names = ", ".join(sorted(branches(git))[:20])
        accepted = f"a branch that {self.address.url} has: {names or 'it has none yet'}"
        do = "" if names else "Make its first commit."
        return InputError("serving.target", self.address.at, accepted, do)

    def _told(self, error: GitError) -> RatoonError:
        failure, url = error.failure, self.address.url
        what = f"{url}: {trouble.value} ({error.said})"
        if failure is GitFailure.ACCESS_DENIED:
            return ApiRejected(f"{what}. {_do_about_access(self.address)}")
        if failure is GitFailure.REFUSED:
            do = f"Let the user of Ratoon push to {self.address.at} and to ratoon/*."
            return ApiRejected(f"{what}. {do}")
        tried = f"; tried again for {self.deadline_s:g} s" if failure in _PASSING else ""
        return ApiUnavailable(f"{what}{tried}")


def _do_about_access(address: GitAddress) -> str:
    if address.is_local:
        return "Let the user that Ratoon runs as read and write the folder."
    return (
        f"The secret ratoon-git, mounted at {credentials_folder()}, holds username and password, "
        f"or token, with the right to write there; its file host, if it is there, names "
        f"{host_of(address.url)} ({CREDENTIALS_VARIABLE} names another folder)."
    )
