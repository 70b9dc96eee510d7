"""Checks of live traffic: liveness and the quality of rows.

Liveness: whether anyone still retrains, calls and checks the model, and its labels arrive. Quality:
schema anomalies, missing values, rows that cannot be used.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core.spans import SpanKind, TimeInterval
from components.core.units import format_duration
from components.core.verdict import Finding, Severity, fail_if, finding, warn_if
from components.data.monitor.drift import ColumnDistribution
from components.data.schema.schema import select_features
from components.data.schema.statistics import anomaly_findings, find_anomalies
from components.data.tables.observations import Coverage

# A tenth of the rows is worth a look; a quarter is a feed that broke.
WARN_RISE = 0.1
FAIL_RISE = 0.25
_KEYLESS_SHARE = 0.01
_LENGTHS = {
    SpanKind.HOUR: timedelta(hours=1),
    SpanKind.DAY: timedelta(days=1),
    SpanKind.MONTH: timedelta(days=31),
}


def check_age(made: datetime, as_of: datetime, max_age: timedelta) -> Finding:
    """Checks that the champion is not older than `max_age`."""
    age = as_of - made
    text = f"the champion was trained as of {made:%Y-%m-%d}, {in_words(age)} ago"
    text += f"; more than {format_duration(max_age)} is too old" if age > max_age else ""
    severity = fail_if(age > max_age)
    return finding("age", severity, "champion", in_days(age), in_days(max_age), text)


def check_rhythm(
    previous: datetime | None, as_of: datetime, every: SpanKind | timedelta
) -> Finding:
    """Warns if the previous check, None if there was none, is more than two intervals ago."""
    length = every if isinstance(every, timedelta) else _LENGTHS[every]
    rhythm = every if isinstance(every, SpanKind) else format_duration(every)
    gap, severity, text = None, Severity.INFO, "this is the first check"
    if previous is not None:
        gap = as_of - previous
        severity = warn_if(gap > 2 * length)
        text = f"the last check was {in_words(gap)} ago"
    days = None if gap is None else in_days(gap)
    text += f"; every {rhythm} is intended"
    return finding("check", severity, "monitoring", days, in_days(2 * length), text)


def check_silence(newest: datetime | None, as_of: datetime, max_silence: timedelta) -> Finding:
    """Checks that the model is still called; `newest` is None if nothing was ever logged."""
    limit = in_days(max_silence)
    if newest is None:
        text = "the prediction log has no request at all"
        return finding("silence", Severity.FAIL, "traffic", None, limit, text)
    gap = as_of - newest
    text = f"the newest request is of {newest:%Y-%m-%d %H:%M}Z, {in_words(gap)} ago"
    if gap > max_silence:
        text += f"; traffic has been silent for more than {format_duration(max_silence)}"
    return finding("silence", fail_if(gap > max_silence), "traffic", in_days(gap), limit, text)


def check_labels(labelled: int, due: int, min_share: float, min_rows: int) -> Finding:
    """Checks that labels arrive, if at least `min_rows` of them are due."""
    measured = labelled / due if due else None
    low = due >= min_rows and labelled < min_share * due
    text = f"{labelled:,} of {due:,} due labels have arrived"
    text += "" if measured is None else f" ({measured:.1%})"
    if low:
        text += f", less than {min_share:.0%}: the measured performance may not be the true one"
    return finding("labels", fail_if(low), "labels", measured, min_share, text)


def check_row_count(labelled: int, min_rows: int, rows: int, window: str) -> Finding:
    """Checks that there are enough labelled rows to judge; silence is never health."""
    text = f"{labelled:,} of the {rows:,} rows of {window} are labelled"
    text += f"; fewer than {min_rows:,} are too few to judge by" if labelled < min_rows else ""
    return finding("rows", fail_if(labelled < min_rows), "window", labelled, min_rows, text)


def report_versions(judged: str, found: Collection[str], window: str) -> Finding:
    """Reports whose predictions were judged, of which window."""
    versions = ", ".join(sorted(found)) or "no version"
    text = f"{window} holds predictions of {versions}; {judged}"
    return finding("versions", Severity.INFO, "window", None, None, text)


def format_window(interval: TimeInterval) -> str:
    """An interval for a person: dates alone if both ends are midnight."""
    ends = (interval.start, interval.end)
    form = "%Y-%m-%d" if not any(e.hour or e.minute for e in ends) else "%Y-%m-%d %H:%MZ"
    return " to ".join(end.strftime(form) for end in ends)


def in_days(duration: timedelta) -> float:
    """A duration in days, rounded to hundredths."""
    return round(duration / timedelta(days=1), 2)


def in_words(duration: timedelta) -> str:
    """A duration for a person: days from two days on, else hours."""
    if abs(duration) >= timedelta(days=2):
        return f"{duration / timedelta(days=1):.0f} days"
    return f"{duration / timedelta(hours=1):.0f} h"


def check_schema(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    names: Sequence[str],
) -> tuple[Finding, ...]:
    """Finds anomalies of live rows against the champion's schema."""
    expected = select_features(schema, names)
    found = tuple(anomaly_findings(find_anomalies(statistics, expected), "live rows"))
    text = f"{len(expected.feature)} columns match the champion's schema"
    return found or (finding("schema", Severity.INFO, "columns", None, None, text),)


def check_missing(
    trained: Mapping[str, ColumnDistribution],
    live: Mapping[str, ColumnDistribution],
    names: Collection[str],
) -> Iterator[Finding]:
    """A finding for each column missing in a tenth of the rows more, and one for the others."""
    rises = {n: live[n].missing - trained[n].missing for n in names if n in trained and n in live}
    for name, rise in sorted(rises.items(), key=lambda item: -item[1]):
        if rise >= WARN_RISE:
            before, now = trained[name].missing, live[name].missing
            text = f"{name} is missing in {now:.1%} of the rows, in training in {before:.1%}"
            severity = Severity.FAIL if rise >= FAIL_RISE else Severity.WARN
            allowed = FAIL_RISE if rise >= FAIL_RISE else WARN_RISE
            yield finding("missing", severity, name, now, before + allowed, text)
    others = [rise for rise in rises.values() if rise < WARN_RISE]
    if others:
        text = f"{len(others)} columns are not missing more often than in training"
        yield finding("missing", Severity.INFO, "columns", max(others), WARN_RISE, text)


def check_usable(coverage: Coverage, broken: int, min_labelled: float) -> Iterator[Finding]:
    """Finds rows of the log that no label can be joined to, or that cannot be read."""
    rows, keyless = coverage.watch.rows, coverage.watch.keyless
    if keyless:
        share, limit = keyless / rows, _KEYLESS_SHARE
        text = f"{keyless:,} of {rows:,} rows lack their key, so no label can be joined"
        severity = warn_if(share > limit)
        severity = Severity.FAIL if share > max(limit, 1 - min_labelled) else severity
        yield finding("key", severity, "window", share, limit, text)
    if broken:
        text = f"{broken:,} of {rows:,} predictions are missing or not finite"
        yield finding("prediction", Severity.FAIL, "window", broken / rows, 0.0, text)
    if coverage.timeless:
        text = f"{coverage.timeless:,} rows of the log lack their event time and are in no window"
        yield finding("log", Severity.WARN, "rows", coverage.timeless, 0, text)
    if coverage.unreadable:
        count = len(coverage.unreadable)
        text = f"{count} files of the log cannot be read, the first is {coverage.unreadable[0]}"
        yield finding("log", Severity.WARN, "files", count, 0, text)
