"""Verdicts: what a step decided, and every finding that it decided by."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from components.core.artifacts import Record
from components.core.spans import Instant


class Severity(StrEnum):
    """How much a finding weighs."""

    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


class Finding(Record):
    """One thing that was looked at.

    Attributes:
        code: A stable word for the kind of finding, such as ``calibration``.
        severity: ``info`` was as it should be, ``warn`` is worth a look, ``fail`` decides.
        subject: What was looked at: a column, a slice, a split.
        measured: The value found; None if there was nothing to measure.
        limit: The value or bound that it was compared with.
        sentence: One sentence for a person.
    """

    code: str
    severity: Severity
    subject: str
    measured: int | float | str | None
    limit: int | float | str | None
    sentence: str


def finding(
    code: str,
    severity: Severity,
    subject: str,
    measured: float | str | None,
    limit: float | str | None,
    sentence: str,
) -> Finding:
    """Makes a finding by position, in the order of its fields."""
    return Finding(
        code=code,
        severity=severity,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=sentence,
    )


class Verdict(Record):
    """A step's decision as data; it is never an exception.

    Attributes:
        decision: One of the step's own words.
        reason: The main one, in a sentence.
        findings: Everything looked at, worst first.
        digests: Of what was judged, by name.
        metrics: Measured values for tables and dashboards.
    """

    step: str
    decision: str
    reason: str
    findings: tuple[Finding, ...]
    as_of: Instant
    digests: Mapping[str, str] = {}
    metrics: Mapping[str, float | None] = {}

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that decided against."""
        return tuple(f for f in self.findings if f.severity is Severity.FAIL)


_WEIGHT = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}


def fail_if(condition: bool) -> Severity:
    """``fail`` if the condition holds, else ``info``."""
    return Severity.FAIL if condition else Severity.INFO


def warn_if(condition: bool) -> Severity:
    """``warn`` if the condition holds, else ``info``."""
    return Severity.WARN if condition else Severity.INFO


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity; their order within one severity is kept."""
    return tuple(sorted(findings, key=lambda f: _WEIGHT[f.severity]))
