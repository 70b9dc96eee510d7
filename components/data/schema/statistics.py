"""Statistics of tables by TFDV's kernels without Beam, their anomalies, and divergence."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.core.verdict import Finding, Severity, finding
from components.data.schema.tfdv import kernels
from components.data.tables.columns import Floats

_RANKED_VALUES = 2_000
_BATCH_ROWS = 1 << 18
_SEVERITY = {anomalies_pb2.AnomalyInfo.WARNING: Severity.WARN}


def divergence(one: Floats, other: Floats) -> float:
    """Jensen-Shannon divergence, base 2: 0 for equal distributions, 1 for disjoint ones.

    Both are shares, float64 [bins].
    """
    middle = (one + other) / 2
    # Rounding may leave a little less than 0.
    return max(0.0, (_entropy(middle) * 2 - _entropy(one) - _entropy(other)) / 2)


def statistics_of(table: pa.Table, name: str = "") -> statistics_pb2.DatasetFeatureStatisticsList:
    """Computes statistics of every column: counts, moments, quantiles, the most common values.

    Args:
        table: Flat columns of numbers, booleans, strings or instants; may be empty.
        name: The name of the dataset, such as ``train``; equal tables give equal statistics.
    """
    tfdv = kernels()
    options = tfdv.options(num_top_values=20, num_rank_histogram_buckets=_RANKED_VALUES)
    generators = tfdv.generators(options, in_memory=True)
    partial: list[Any] = [generator.create_accumulator() for generator in generators]
    for batch in record_batches(table):
        pairs = zip(generators, partial, strict=True)
        partial = [generator.add_input(sums, batch) for generator, sums in pairs]
    statistics = tfdv.extract(partial, generators)
    if not statistics.datasets:
        statistics.datasets.add()
    statistics.datasets[0].name = name
    return statistics


def write_statistics(statistics: statistics_pb2.DatasetFeatureStatisticsList, file: Path) -> None:
    """Writes statistics; equal statistics give equal bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(statistics.SerializeToString(deterministic=True))


def record_batches(table: pa.Table, batch_rows: int = _BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Wraps every value of a table in a list of one, as TFDV's kernels read it.

    A null becomes a null list, because an empty list would count as present. An instant becomes
    whole seconds since 1970 UTC, as the model reads it; a boolean becomes 0 or 1.
    """
    columns = {name: _plain(table[name]) for name in table.column_names}
    for batch in pa.table(columns).combine_chunks().to_batches(max_chunksize=batch_rows):
        lists = [_in_lists(column) for column in batch.columns]
        yield pa.RecordBatch.from_arrays(lists, names=table.column_names)


def find_anomalies(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    """Validates the statistics of one dataset against a schema by TFDV's own code."""
    given = statistics.datasets[0].SerializeToString(), schema.SerializeToString()
    anomalies = anomalies_pb2.Anomalies.FromString(kernels().validate(*given, *[b""] * 6, False))
    anomalies.ClearField("baseline")  # the schema, which has its own file
    return anomalies


def anomaly_findings(anomalies: anomalies_pb2.Anomalies, dataset: str) -> Iterable[Finding]:
    """The anomalies of a dataset as findings, by column."""
    for column, info in sorted(anomalies.anomaly_info.items()):
        for reason in info.reason:
            yield _finding(column, dataset, reason, _SEVERITY.get(info.severity, Severity.FAIL))
    if anomalies.HasField("dataset_anomaly_info"):
        for reason in anomalies.dataset_anomaly_info.reason:
            yield _finding("", dataset, reason, Severity.FAIL)
    if anomalies.data_missing:
        yield finding("no_rows", Severity.FAIL, dataset, 0, 1, f"{dataset} has no examples.")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        seconds = column.cast(pa.timestamp("s", tz=column.type.tz), safe=False)
        return seconds.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    return column


def _entropy(shares: Floats) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())


def _in_lists(column: pa.Array) -> pa.ListArray:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.zeros(len(column) + 1, np.int32)
    np.cumsum(present, out=ends[1:])
    mask = pa.array(~present) if column.null_count else None
    return pa.ListArray.from_arrays(pa.array(ends), column.drop_null(), mask=mask)


def _finding(
    column: str, dataset: str, reason: anomalies_pb2.AnomalyInfo.Reason, severity: Severity
) -> Finding:
    name = anomalies_pb2.AnomalyInfo.Type.Name(reason.type).lower()
    code = f"schema_{name.removeprefix('schema_')}"
    subject = f"{column} in {dataset}" if column else dataset
    text = f"{column or 'The table'} in {dataset} does not match the schema: {reason.description}"
    return finding(code, severity, subject, reason.short_description, "the schema", text)
