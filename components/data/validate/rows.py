"""The examples as validation looks at them: by split, and by span whatever the split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import ModelColumn, SplitName, example_files
from components.core.spec import FeatureKind


@dataclass(frozen=True)
class Examples:
    """The labelled examples.

    Attributes:
        splits: Split to its rows, oldest first; a split without rows is missing.
        spans: Span to its rows of all splits, by event time; oldest first.
    """

    splits: Mapping[SplitName, pa.Table]
    spans: Mapping[str, pa.Table]

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self.splits.values())


def usable_columns(columns: Iterable[ModelColumn], examples: Examples) -> tuple[ModelColumn, ...]:
    """The columns that every span has, and that hold what they are meant to hold.

    The others are anomalies of the schema; there is nothing else to say of them.
    """
    schemas = [table.schema for table in examples.spans.values()]
    return tuple(c for c in columns if all(_holds(schema, c) for schema in schemas))


def read_examples(folder: Path, event_time: str) -> Examples:
    """Reads an examples artifact.

    Args:
        folder: The artifact.
        event_time: The column that rows of a span are ordered by.
    """
    files = {split: example_files(folder, split) for split in SplitName}
    tables = {(s, f.stem): pq.read_table(f) for s, found in files.items() for f in found}
    spans: dict[str, list[pa.Table]] = {}
    for (_, span), table in sorted(tables.items(), key=lambda item: item[0][1]):
        spans.setdefault(span, []).append(table)
    splits = {s: [t for (of, _), t in tables.items() if of is s] for s in SplitName}
    return Examples(
        splits={split: pa.concat_tables(parts) for split, parts in splits.items() if parts},
        spans={n: pa.concat_tables(parts).sort_by(event_time) for n, parts in spans.items()},
    )


def _holds(schema: pa.Schema, column: ModelColumn) -> bool:
    place = schema.get_field_index(column.name)
    return place >= 0 and bool(_IS_KIND[column.kind](schema.field(place).type))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or pa.types.is_integer(type_))


_IS_KIND = {
    FeatureKind.NUMBER.value: _is_number,
    FeatureKind.CATEGORY.value: pa.types.is_string,
    FeatureKind.TIMESTAMP.value: pa.types.is_timestamp,
}
