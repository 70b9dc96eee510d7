"""The quality of live rows: schema anomalies, missing values, rows that cannot be used."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core.verdict import Finding, Severity, finding
from components.data.monitor.distributions import ColumnDistribution
from components.data.schema.schema import select_features
from components.data.schema.statistics import anomaly_findings, find_anomalies
from components.data.tables.observations import Coverage

# A tenth of the rows is worth a look; a quarter is a feed that broke.
WARN_RISE = 0.1
FAIL_RISE = 0.25
_KEYLESS_SHARE = 0.01


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
) -> tuple[Finding, ...]:
    """Finds columns with more missing values than in training.

    Returns:
        A finding for each that rose by a tenth of the rows or more, and one for the others.
    """
    rises = {n: live[n].missing - trained[n].missing for n in names if n in trained and n in live}
    risen = sorted((n for n in rises if rises[n] >= WARN_RISE), key=lambda n: -rises[n])
    findings = [_risen(name, trained[name].missing, live[name].missing) for name in risen]
    others = [rise for name, rise in rises.items() if name not in risen]
    if others:
        text = f"{len(others)} columns are not missing more often than in training"
        findings.append(finding("missing", Severity.INFO, "columns", max(others), WARN_RISE, text))
    return tuple(findings)


def check_usable(coverage: Coverage, broken: int, min_labelled: float) -> Iterator[Finding]:
    """Finds rows of the log that no label can be joined to, or that cannot be read."""
    rows, keyless = coverage.watch.rows, coverage.watch.keyless
    if keyless:
        share, limit = keyless / rows, _KEYLESS_SHARE
        text = f"{keyless:,} of {rows:,} rows lack their key, so no label can be joined"
        severity = Severity.WARN if share > limit else Severity.INFO
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


def _risen(name: str, trained: float, live: float) -> Finding:
    text = f"{name} is missing in {live:.1%} of the rows, in training in {trained:.1%}"
    failed = live - trained >= FAIL_RISE
    severity, rise = (Severity.FAIL, FAIL_RISE) if failed else (Severity.WARN, WARN_RISE)
    return finding("missing", severity, name, live, trained + rise, text)
