"""The examples as validation looks at them: by split, and by span whatever the split."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import SplitName, example_files


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
