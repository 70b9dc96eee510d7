"""The examples as validation reads them, and the statistics of each dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.core.artifacts import ModelColumn, SplitName, example_files
from components.core.spec import FeatureKind
from components.data.schema.schema import as_declared, select_features
from components.data.schema.statistics import find_anomalies, statistics_of


@dataclass(frozen=True)
class LabelledExamples:
    """The labelled examples.

    Attributes:
        splits: Split to its rows, oldest first; a split without rows is missing.
        spans: Span to its rows of all splits, by event time; oldest first.
    """

    splits: Mapping[SplitName, pa.Table]
    spans: Mapping[str, pa.Table]

    @property
    def rows(self) -> int:
        """The number of examples."""
        return sum(table.num_rows for table in self.splits.values())


@dataclass(frozen=True)
class DatasetStatistics:
    """The statistics of one dataset, and where they do not match the schema."""

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    anomalies: anomalies_pb2.Anomalies


def read_examples(folder: Path, event_time: str) -> LabelledExamples:
    """Reads an examples artifact, the rows of each span in order of event time."""
    splits: dict[SplitName, list[pa.Table]] = {}
    spans: dict[str, list[pa.Table]] = {}
    for split in SplitName:
        for file in example_files(folder, split):
            table = pq.read_table(file)
            splits.setdefault(split, []).append(table)
            spans.setdefault(file.stem, []).append(table)
    return LabelledExamples(
        splits={split: pa.concat_tables(parts) for split, parts in splits.items()},
        spans={
            n: pa.concat_tables(parts).sort_by(event_time) for n, parts in sorted(spans.items())
        },
    )


def usable_columns(
    columns: Iterable[ModelColumn], examples: LabelledExamples
) -> tuple[ModelColumn, ...]:
    """The columns that every span has with the right type; the others are schema anomalies."""
    schemas = [table.schema for table in examples.spans.values()]
    return tuple(c for c in columns if all(_has_kind(schema, c) for schema in schemas))


def describe_datasets(
    examples: LabelledExamples, schema: schema_pb2.Schema, columns: Sequence[str]
) -> Mapping[str, DatasetStatistics]:
    """Describes each split, and the newest span, which half a year would dilute, by name."""
    tables = {str(split): table for split, table in examples.splits.items()}
    for name in list(examples.spans)[-1:]:
        tables[name] = examples.spans[name]
    expected = select_features(schema, columns)
    described = {}
    for name, table in tables.items():
        present = [column for column in columns if column in table.column_names]
        statistics = statistics_of(as_declared(table.select(present), expected), name)
        described[name] = DatasetStatistics(statistics, find_anomalies(statistics, expected))
    return described


def _has_kind(schema: pa.Schema, column: ModelColumn) -> bool:
    index = schema.get_field_index(column.name)
    return index >= 0 and bool(_IS_KIND[column.kind](schema.field(index).type))


_IS_KIND = {
    FeatureKind.NUMBER.value: lambda type_: (
        pa.types.is_floating(type_) or pa.types.is_integer(type_)
    ),
    FeatureKind.CATEGORY.value: pa.types.is_string,
    FeatureKind.TIMESTAMP.value: pa.types.is_timestamp,
}
