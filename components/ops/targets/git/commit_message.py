"""The message of a commit: what changes, on what evidence, and trailers to find it by."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.core.spans import format_instant
from components.ops.targets.kserve.record import PublishedVersion, RolloutRecord

MODEL, VERSION, RUN = "Ratoon-Model", "Ratoon-Version", "Ratoon-Run"
DECISION = "Ratoon-Decision"
CommitDecision = Literal["staged", "shifted", "promoted", "rolled_back", "unpinned", "repaired"]
_WIDTH = 72
_EVIDENCE = "evidence"


@dataclass(frozen=True)
class Transition:
    """What leads from one record to the next.

    Attributes:
        decision: What was decided.
        about: The version that it is about; None if none serves and none is staged.
        subject: One line that a reviewer understands, without the model's name.
    """

    decision: CommitDecision
    about: PublishedVersion | None
    subject: str


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
        beside = f" beside version {now.version}" if now else ""
        verb = "stage again" if new.candidate.version in _earlier(old) else "stage"
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
    """Writes the message of a commit.

    Args:
        transition: What the commit does.
        record: The record after it.
        why: On what evidence; one paragraph for each line.
        notes: What else a reviewer should know.
        evidence: What was measured of the version, one line each.
    """
    paragraphs = [*why.splitlines(), *notes]
    body = [
        _wrapped(text) for text in map(_plain, paragraphs) if text not in ("", transition.subject)
    ]
    measured = "\n".join([_EVIDENCE, *(f"  {_plain(line)}" for line in evidence)])
    facts = (*_facts(transition, record), *([measured] if evidence else []))
    trailers = _trailers(transition, record)
    return "\n\n".join([f"{record.model}: {transition.subject}", *body, *facts, trailers]) + "\n"


def evidence_in(body: str) -> tuple[str, ...]:
    """Returns the evidence in the body of an earlier message."""
    for paragraph in body.split("\n\n"):
        head, *lines = paragraph.splitlines() or [""]
        if head == _EVIDENCE:
            return tuple(line.strip() for line in lines)
    return ()


def _earlier(record: RolloutRecord) -> frozenset[str]:
    return frozenset(one.version for one in record.previous)


def _facts(transition: Transition, record: RolloutRecord) -> tuple[str, ...]:
    if transition.about is None:
        return ()
    about, champion = transition.about, record.champion
    lines = [
        f"version {about.version}",
        f"  model       {about.uri}",
        f"  digest      {about.digest}",
        f"  trained for {format_instant(about.as_of)}",
    ]
    if champion is not None and champion != about:
        lines += [f"beside version {champion.version}", f"  digest      {champion.digest}"]
    return ("\n".join(lines),)


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
