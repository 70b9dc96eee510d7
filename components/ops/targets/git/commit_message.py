"""The message of a commit: what changes, on what evidence, and trailers to find it by."""

import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from components.core.spans import format_instant
from components.ops.git.command import GitError
from components.ops.git.objects import Tree
from components.ops.targets.git.files import MAX_BYTES, NAMES, RECORD
from components.ops.targets.kserve.record import PublishedVersion, RolloutRecord

MODEL, VERSION, RUN = "Ratoon-Model", "Ratoon-Version", "Ratoon-Run"
DECISION = "Ratoon-Decision"
CommitDecision = Literal["staged", "shifted", "promoted", "rolled_back", "unpinned", "repaired"]
_WIDTH = 72
_EVIDENCE = "evidence"
_DEPTHS = (50, 1_000, None)
_SEPARATOR = "\x1f"
_FIELDS = (
    "%H",
    *(f"%(trailers:key={key},valueonly,separator=%x2C)" for key in (MODEL, VERSION, DECISION)),
    "%s",
    "%b",
)
_OF_ITS_OWN = "so this is a commit of its own and not a revert."
_PINNED = (
    "canaryTrafficPercent: 0 keeps all traffic at the revision of the champion: without it Knative "
    "would send it to the rolled back one until a new one is ready."
)


@dataclass(frozen=True)
class Transition:
    """What leads from one record to the next, in one line that a reviewer understands.

    It is about no version if none serves and none is staged.
    """

    decision: CommitDecision
    about: PublishedVersion | None
    subject: str


@dataclass(frozen=True)
class PastCommit:
    """A commit that touched the files."""

    commit: str
    model: str
    version: str
    decision: str
    subject: str
    body: str


@dataclass(frozen=True)
class RolloutCommits:
    """The commits of a rollout, newest first, and the newest one by somebody else since."""

    commits: tuple[PastCommit, ...] = ()
    foreign: PastCommit | None = None


def transition_between(old: RolloutRecord, new: RolloutRecord) -> Transition:
    """Names what leads from one record to the other."""
    before, now = old.champion, new.champion
    if now is not None and now != before:
        instead = f" instead of {before.version}" if before else ", the first one"
        return Transition("promoted", now, f"version {now.version} serves{instead}")
    if new.candidate is None and old.candidate is not None:
        goes_on = f", version {now.version} goes on" if now else ", nothing serves"
        subject = f"roll back version {old.candidate.version}{goes_on}"
        return Transition("rolled_back", old.candidate, subject)
    if new.candidate is not None and new.candidate != old.candidate:
        earlier = [one.version for one in old.previous]
        beside = f" beside version {now.version}" if now else ""
        verb = "stage again" if new.candidate.version in earlier else "stage"
        subject = f"{verb} version {new.candidate.version}{beside}, without traffic"
        return Transition("staged", new.candidate, subject)
    if new.candidate is not None and new.share != old.share:
        subject = f"give version {new.candidate.version} {new.share:.0%} of the traffic"
        return Transition("shifted", new.candidate, subject)
    if now is not None and old.pinned and not new.pinned:
        return Transition("unpinned", now, f"version {now.version} has a revision of its own again")
    return Transition(
        "repaired", new.candidate or now, "write the files that follow from the record"
    )


def commit_message(
    transition: Transition,
    record: RolloutRecord,
    why: str,
    notes: Sequence[str] = (),
    evidence: Sequence[str] = (),
) -> str:
    """Writes the message of a commit that leads to a record.

    Each line of `why` and each of the `notes` to a reviewer becomes a paragraph; `evidence` is what
    was measured of the version, one line each.
    """
    paragraphs = [*why.splitlines(), *notes]
    body = [
        _wrapped(text) for text in map(_plain, paragraphs) if text not in ("", transition.subject)
    ]
    measured = "\n".join([_EVIDENCE, *(f"  {_plain(line)}" for line in evidence)])
    parts = [f"{record.model}: {transition.subject}", *body, _facts(transition, record)]
    parts += [measured if evidence else "", _trailers(transition, record)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _facts(transition: Transition, record: RolloutRecord) -> str:
    if transition.about is None:
        return ""
    about, champion = transition.about, record.champion
    lines = [
        f"version {about.version}",
        f"  model       {about.uri}",
        f"  digest      {about.digest}",
        f"  trained for {format_instant(about.as_of)}",
    ]
    if champion is not None and champion != about:
        lines += [f"beside version {champion.version}", f"  digest      {champion.digest}"]
    return "\n".join(lines)


def _trailers(transition: Transition, record: RolloutRecord) -> str:
    trailers = {MODEL: record.model}
    if transition.about is not None:
        trailers |= {VERSION: transition.about.version, RUN: transition.about.run}
    trailers[DECISION] = transition.decision
    return "\n".join(f"{key}: {_plain(value)}" for key, value in trailers.items())


def _wrapped(text: str) -> str:
    # A line such as "key: value" in the last paragraph alone would be read as a trailer.
    return "\n".join(textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _plain(text: str) -> str:
    """Returns one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def staged_evidence(tree: Tree, transition: Transition, record: RolloutRecord) -> tuple[str, ...]:
    """Returns the evidence in the commit that staged a version, for the one that promotes it."""
    commits = _find_rollout(tree, transition, record).commits
    for paragraph in commits[-1].body.split("\n\n") if commits else ():
        head, *lines = paragraph.splitlines() or [""]
        if head == _EVIDENCE:
            return tuple(line.strip() for line in lines)
    return ()


def rollback_notes(
    tree: Tree, transition: Transition, record: RolloutRecord, wanted: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Says which commits a rollback reverts, or why it is not a revert.

    The files after it revert the rollout if every manifest is as before; `RECORD` remembers how it
    ended.
    """
    rollout = _find_rollout(tree, transition, record)
    if not rollout.commits:
        return (f"The history does not show how this rollout began, {_OF_ITS_OWN}",)
    if rollout.foreign is not None:
        past = rollout.foreign
        return (f"Commit {past.commit} ({past.subject}) changed the files too, {_OF_ITS_OWN}",)
    first = rollout.commits[-1]
    before = Tree(tree.git, tree.where, f"{first.commit}^", tree.folder)
    other = [
        n for n, content in wanted.items() if n != RECORD and before.find(n, MAX_BYTES) != content
    ]
    if other:
        cause = f"{' and '.join(other)} cannot be as before the rollout ({first.commit}^)"
        pinned = (_PINNED,) if record.pinned else ()
        return (f"{cause}, {_OF_ITS_OWN}", *pinned)
    return tuple(
        f'This reverts commit {past.commit} ("{past.subject}").' for past in rollout.commits
    )


def _find_rollout(tree: Tree, transition: Transition, record: RolloutRecord) -> RolloutCommits:
    """Finds the commits of a version's rollout up to the tip, and deepens the clone for them.

    There are none if the history does not hold its beginning, or cannot be read.
    """
    assert transition.about is not None  # a rollout is of a version
    wanted = (record.model, transition.about.version)
    with suppress(GitError):  # a rollback must not depend on its explanation
        for depth in _DEPTHS:
            tree.git.fetch(tree.commit, depth=depth)
            commits: list[PastCommit] = []
            foreign: PastCommit | None = None
            for past in _log(tree):
                if (past.model, past.version) != wanted:
                    foreign = foreign or past
                    continue
                commits.append(past)
                if past.decision == "staged":
                    return RolloutCommits(tuple(commits), foreign)
    return RolloutCommits()


def _log(tree: Tree) -> tuple[PastCommit, ...]:
    paths = [tree.path_of(name) for name in NAMES]
    form = f"--format={_SEPARATOR.join(_FIELDS)}"
    text = tree.git.run_text("log", "-z", form, tree.commit, "--", *paths)
    shallow = tree.git.folder / "shallow"
    # In a shallow clone the oldest commit seems to have created everything in it.
    cut = set(shallow.read_text().split()) if shallow.exists() else set()
    found = [PastCommit(*entry.split(_SEPARATOR, 5)) for entry in text.split("\0") if entry]
    return tuple(past for past in found if past.commit not in cut)
