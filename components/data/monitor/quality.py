"""The quality of live rows: against the schema, values gone missing, rows that cannot be used."""

from collections.abc import Collection, Mapping, Sequence

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core.verdict import Finding, Severity
from components.data.monitor.distributions import Column
from components.data.observe.coverage import Coverage
from components.data.validate.anomalies import find_anomalies, findings_of
from components.data.validate.schema import narrowed

# A tenth of the rows is worth a look; a quarter is a feed that broke.
WARN_RISE = 0.1
FAIL_RISE = 0.25
_KEYLESS_SHARE = 0.01


def against_schema(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    names: Sequence[str],
) -> tuple[Finding, ...]:
    """What TFDV finds in live rows that the champion's schema does not allow.

    Args:
        statistics: Of the live rows, at least one.
        schema: The schema that the champion was trained by.
        names: The model's raw columns; a label that the schema knows is not live.
    """
    wanted = narrowed(schema, names)
    found = tuple(findings_of(find_anomalies(statistics, wanted), "live rows"))
    text = f"{len(wanted.feature)} columns are as the champion's schema says"
    return found or (_finding("schema", Severity.INFO, "columns", None, None, text),)


def missing(
    trained: Mapping[str, Column], live: Mapping[str, Column], names: Collection[str]
) -> tuple[Finding, ...]:
    """Columns of which more is missing than in training.

    Args:
        trained: Column by name, in training.
        live: Column by name, live.
        names: The model's raw columns.

    Returns:
        A finding for each that rose by a tenth of the rows or more, and one for the others.
    """
    rises = {n: live[n].missing - trained[n].missing for n in names if n in trained and n in live}
    risen = sorted((n for n in rises if rises[n] >= WARN_RISE), key=lambda n: -rises[n])
    findings = [_risen(name, trained[name].missing, live[name].missing) for name in risen]
    calm = [rise for name, rise in rises.items() if name not in risen]
    if calm:
        text = f"{len(calm)} columns are not missing more often than in training"
        findings.append(_finding("missing", Severity.INFO, "columns", max(calm), WARN_RISE, text))
    return tuple(findings)


def _risen(name: str, trained: float, live: float) -> Finding:
    text = f"{name} is missing in {live:.1%} of the rows, in training in {trained:.1%}"
    failed = live - trained >= FAIL_RISE
    severity, rise = (Severity.FAIL, FAIL_RISE) if failed else (Severity.WARN, WARN_RISE)
    return _finding("missing", severity, name, live, trained + rise, text)


def unusable(coverage: Coverage, broken_predictions: int, labelled: float) -> tuple[Finding, ...]:
    """Rows of the log that no label can be joined to, or that cannot be read.

    Args:
        coverage: What was observed.
        broken_predictions: Rows of the window whose prediction is missing or not finite.
        labelled: The share of rows that must get a label.
    """
    watch = coverage.watch
    findings = []
    if watch.keyless:
        share = watch.keyless / watch.rows
        text = f"{watch.keyless:,} of {watch.rows:,} rows lack their key, so no label can be joined"
        found = _severity(share, _KEYLESS_SHARE, 1 - labelled)
        findings.append(_finding("key", found, "window", share, _KEYLESS_SHARE, text))
    if broken_predictions:
        text = f"{broken_predictions:,} of {watch.rows:,} predictions are missing or not finite"
        share = broken_predictions / watch.rows
        findings.append(_finding("prediction", Severity.FAIL, "window", share, 0.0, text))
    if coverage.timeless:
        text = f"{coverage.timeless:,} rows of the log lack their event time and are in no window"
        findings.append(_finding("log", Severity.WARN, "rows", coverage.timeless, 0, text))
    if coverage.unreadable:
        count = len(coverage.unreadable)
        text = f"{count} files of the log cannot be read, the first is {coverage.unreadable[0]}"
        findings.append(_finding("log", Severity.WARN, "files", count, 0, text))
    return tuple(findings)


def _severity(value: float, warn: float, fail: float) -> Severity:
    if value > max(warn, fail):
        return Severity.FAIL
    return Severity.WARN if value > warn else Severity.INFO


def _finding(
    code: str,
    severity: Severity,
    subject: str,
    measured: float | None,
    limit: float | None,
    text: str,
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=text,
    )
