"""What the message of a commit says: what changes, by what evidence, and for whom to find it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.core.spans import format_instant
from components.ops.targets.kserve.record import Published, RolloutRecord

MODEL, VERSION, RUN = "Ratoon-Model", "Ratoon-Version", "Ratoon-Run"
DECISION = "Ratoon-Decision"
Decision = Literal["staged", "shifted", "promoted", "rolled_back", "released", "repaired"]
_WIDTH = 72
_EVIDENCE = "evidence"


@dataclass(frozen=True)
class Step:
    """What leads from one record to the next.

    Attributes:
        decision: What was decided.
        about: The version that it is about; None: none serves and none is staged.
        subject: One line that a reviewer understands, without the model's name.
    """

    decision: Decision
    about: Published | None
    subject: str


def step_between(old: RolloutRecord, new: RolloutRecord) -> Step:
    """What leads from one record to the other."""
    before, now = old.champion, new.champion
    if now is not None and now != before:
        instead = f" instead of {before.version}" if before else ", the first one"
        return Step("promoted", now, f"version {now.version} serves{instead}")
    if new.candidate is None and old.candidate is not None:
        goes_on = f", version {now.version} goes on" if now else ", nothing serves"
        subject = f"take version {old.candidate.version} back{goes_on}"
        return Step("rolled_back", old.candidate, subject)
    if new.candidate is not None and new.candidate != old.candidate:
        beside = f" beside version {now.version}" if now else ""
        verb = "bring back" if new.candidate.version in _earlier(old) else "stage"
        subject = f"{verb} version {new.candidate.version}{beside}, without traffic"
        return Step("staged", new.candidate, subject)
    if new.candidate is not None and new.share != old.share:
        subject = f"give version {new.candidate.version} {new.share:.0%} of the traffic"
        return Step("shifted", new.candidate, subject)
    if now is not None and old.held and not new.held:
        return Step("released", now, f"version {now.version} has a revision of its own again")
    return Step("repaired", new.candidate or now, "write the files as the record has them")


def message_of(
    step: Step,
    record: RolloutRecord,
    why: str,
    notes: Sequence[str] = (),
    evidence: Sequence[str] = (),
) -> str:
    """The message of the commit that makes a step.

    Args:
        step: The step.
        record: The record after it.
        why: By what evidence; one paragraph for each line.
        notes: What else a reviewer is to know.
        evidence: What was measured of the version, one line each.
    """
    paragraphs = [*why.splitlines(), *notes]
    body = [_wrapped(text) for text in map(_plain, paragraphs) if text not in ("", step.subject)]
    measured = "\n".join([_EVIDENCE, *(f"  {_plain(line)}" for line in evidence)])
    facts = (*_facts(step, record), *([measured] if evidence else []))
    trailers = _trailers(step, record)
    return "\n\n".join([f"{record.model}: {step.subject}", *body, *facts, trailers]) + "\n"


def evidence_in(body: str) -> tuple[str, ...]:
    """The evidence that the body of an earlier message holds."""
    for paragraph in body.split("\n\n"):
        head, *lines = paragraph.splitlines() or [""]
        if head == _EVIDENCE:
            return tuple(line.strip() for line in lines)
    return ()


def _earlier(record: RolloutRecord) -> frozenset[str]:
    return frozenset(one.version for one in record.previous)


def _facts(step: Step, record: RolloutRecord) -> tuple[str, ...]:
    if step.about is None:
        return ()
    about, champion = step.about, record.champion
    lines = [
        f"version {about.version}",
        f"  model       {about.uri}",
        f"  digest      {about.digest}",
        f"  trained for {format_instant(about.as_of)}",
    ]
    if champion is not None and champion != about:
        lines += [f"beside version {champion.version}", f"  digest      {champion.digest}"]
    return ("\n".join(lines),)


def _trailers(step: Step, record: RolloutRecord) -> str:
    trailers = {MODEL: record.model}
    if step.about is not None:
        trailers |= {VERSION: step.about.version, RUN: step.about.run}
    trailers[DECISION] = step.decision
    return "\n".join(f"{key}: {_plain(value)}" for key, value in trailers.items())


def _wrapped(text: str) -> str:
    # A line such as "key: value" in the last paragraph alone would be read as a trailer.
    return "\n".join(textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _plain(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
