"""Statistics and anomalies of every dataset that is held against the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data.statistics import statistics_of
from components.data.validate.anomalies import find_anomalies
from components.data.validate.rows import Examples
from components.data.validate.schema import as_declared, narrowed


@dataclass(frozen=True)
class Described:
    """One dataset.

    Attributes:
        statistics: By TFDV's kernels.
        anomalies: Where they are not as the schema says.
    """

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    anomalies: anomalies_pb2.Anomalies


def describe(
    examples: Examples, schema: schema_pb2.Schema, columns: Sequence[str]
) -> Mapping[str, Described]:
    """Describes each split, and the newest span, which half a year would dilute.

    Args:
        examples: The examples.
        schema: The committed schema.
        columns: The columns that examples are meant to have: raw columns and label.

    Returns:
        Split name, or the newest span's, to what was found.
    """
    tables = {str(split): table for split, table in examples.splits.items()}
    for name in list(examples.spans)[-1:]:
        tables[name] = examples.spans[name]
    asked = narrowed(schema, columns)
    return {name: _describe(name, table, asked, columns) for name, table in tables.items()}


def _describe(
    name: str, table: pa.Table, schema: schema_pb2.Schema, columns: Sequence[str]
) -> Described:
    there = [column for column in columns if column in table.column_names]
    statistics = statistics_of(as_declared(table.select(there), schema), name)
    return Described(statistics, find_anomalies(statistics, schema))
