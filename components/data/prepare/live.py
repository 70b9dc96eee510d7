"""``python -m components.data.prepare.live PLAN FOLDER SPAN``: the examples of later spans.

Writes one Parquet file for each span from SPAN on, joined as training data is joined, without the
label: recorded time is replayed as live traffic from these files.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from components.core.plan import Plan
from components.data.prepare.examples import prepare_span
from components.data.prepare.external_tables import read_external
from components.data.tables.primary import rows_by_span
from components.data.tables.sources import parquet_bytes


def examples_from(plan: Plan, first: str) -> Iterator[tuple[str, pa.Table]]:
    """Yields the name and all examples of each span from `first` on, oldest first.

    Examples without a label and those in no split are included.

    Raises:
        InputError: A source cannot be read, or lacks a column that the plan needs.
    """
    external, _ = read_external(plan)
    for primary in rows_by_span(plan):
        span = primary.span
        if span.name >= first:
            joinable = {one.name: one.rows_for(span) for one in external}
            yield span.name, prepare_span(plan, span, primary.rows(), joinable).examples


def main(arguments: Sequence[str]) -> None:
    """Writes the examples from the plan's folder, the folder to fill and the first span's name."""
    plan_folder, folder, first = arguments
    plan = Plan.of(Path(plan_folder))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for span, examples in examples_from(plan, first):
        rows = examples.drop_columns([plan.spec.label.name])
        Path(folder, f"{span}.parquet").write_bytes(parquet_bytes(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
