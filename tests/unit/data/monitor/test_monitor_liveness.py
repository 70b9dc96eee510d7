"""The signs of a closed model."""

from datetime import timedelta

import pytest

from components.core.audit import AuditEntry
from components.core.spans import SpanKind, TimeInterval, parse_instant
from components.data.monitor import live_checks
from components.data.monitor.reference import past_checks

NOW = parse_instant("2024-03-21")
DAY = timedelta(days=1)


@pytest.mark.parametrize(("days", "severity"), [(180, "info"), (181, "fail")])
def test_age(days, severity):
    found = live_checks.check_age(NOW - days * DAY, NOW, 180 * DAY)
    assert (found.severity, found.measured, found.limit) == (severity, days, 180)


@pytest.mark.parametrize(
    ("gap", "every", "severity"),
    [
        (None, DAY, "info"),
        (2 * DAY, DAY, "info"),
        (2.1 * DAY, DAY, "warn"),
        (2.1 * DAY, SpanKind.DAY, "warn"),
        (61 * DAY, SpanKind.MONTH, "info"),
        (63 * DAY, SpanKind.MONTH, "warn"),
    ],
)
def test_time_since_the_last_check(gap, every, severity):
    previous = None if gap is None else NOW - gap
    assert live_checks.check_rhythm(previous, NOW, every).severity == severity


@pytest.mark.parametrize(("hours", "severity"), [(None, "fail"), (48, "info"), (49, "fail")])
def test_silence(hours, severity):
    newest = None if hours is None else NOW - timedelta(hours=hours)
    assert live_checks.check_silence(newest, NOW, 2 * DAY).severity == severity


@pytest.mark.parametrize(
    ("labelled", "due", "severity"),
    [(800, 1000, "info"), (799, 1000, "fail"), (0, 999, "info"), (0, 0, "info")],
)
def test_label_coverage_is_judged_if_enough_labels_are_due(labelled, due, severity):
    assert live_checks.check_labels(labelled, due, 0.8, 1000).severity == severity


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2024-02-19", "2024-02-20", "2024-02-19 to 2024-02-20"),
        ("2024-02-19", "2024-02-19T06:30", "2024-02-19 00:00Z to 2024-02-19 06:30Z"),
    ],
)
def test_windows_are_formatted(start, end, text):
    window = TimeInterval(start=parse_instant(start), end=parse_instant(end))
    assert live_checks.format_window(window) == text


@pytest.mark.parametrize(("labelled", "severity"), [(1000, "info"), (999, "fail"), (0, "fail")])
def test_row_count(labelled, severity):
    assert live_checks.check_row_count(labelled, 1000, 5000, "the window").severity == severity


def entry(as_of, run="r", step="monitor", model="m", decision="healthy"):
    return AuditEntry(
        run=run,
        step=step,
        model=model,
        as_of=as_of,
        version="v1",
        decision=decision,
        reason="",
        digests={},
        details={"metrics": {"auc": 0.7}},
    )


def test_earlier_checks_are_those_of_this_model_before_now():
    entries = [
        entry("2024-03-20T00:00:00Z", decision="alert"),
        entry("2024-03-10T00:00:00Z"),
        entry("2024-03-21T00:00:00Z"),
        entry("2024-03-11T00:00:00Z", run="mine"),
        entry("2024-03-12T00:00:00Z", step="plan"),
        entry("2024-03-13T00:00:00Z", model="other"),
    ]
    checks = past_checks(entries, "monitor", "m", "mine", NOW)
    assert [(c.as_of.day, c.decision) for c in checks] == [(10, "healthy"), (20, "alert")]
    assert checks[0].metrics == {"auc": 0.7}
