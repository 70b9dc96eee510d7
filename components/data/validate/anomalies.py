"""What TFDV finds in statistics that the committed schema does not allow."""

from collections.abc import Iterable

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.core.verdict import Finding, Severity
from components.data.statistics.kernels import kernels

_SEVERITY = {anomalies_pb2.AnomalyInfo.WARNING: Severity.WARN}


def find_anomalies(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    """Holds the statistics of one dataset against a schema, by TFDV's own code."""
    none = b""
    found = kernels().validate(
        statistics.datasets[0].SerializeToString(),
        schema.SerializeToString(),
        *(none for _ in range(6)),
        False,
    )
    anomalies = anomalies_pb2.Anomalies.FromString(found)
    # The schema that was held against stands in its own file.
    anomalies.ClearField("baseline")
    return anomalies


def findings_of(anomalies: anomalies_pb2.Anomalies, dataset: str) -> Iterable[Finding]:
    """The anomalies of a dataset as findings, by column."""
    for column, info in sorted(anomalies.anomaly_info.items()):
        for reason in info.reason:
            yield _finding(column, dataset, reason, _SEVERITY.get(info.severity, Severity.FAIL))
    if anomalies.HasField("dataset_anomaly_info"):
        for reason in anomalies.dataset_anomaly_info.reason:
            yield _finding("", dataset, reason, Severity.FAIL)
    if anomalies.data_missing:
        yield Finding(
            code="no_rows",
            severity=Severity.FAIL,
            subject=dataset,
            measured=0,
            limit=1,
            sentence=f"{dataset} has no examples.",
        )


def _finding(
    column: str, dataset: str, reason: anomalies_pb2.AnomalyInfo.Reason, severity: Severity
) -> Finding:
    name = anomalies_pb2.AnomalyInfo.Type.Name(reason.type).lower()
    return Finding(
        code=f"schema_{name.removeprefix('schema_')}",
        severity=severity,
        subject=f"{column} in {dataset}" if column else dataset,
        measured=reason.short_description,
        limit="the schema",
        sentence=f"{column or 'The table'} in {dataset} is not as the schema says: "
        f"{reason.description}",
    )
