"""``python -m components.data.prepare.live PLAN FOLDER SPAN``: the examples as callers know them.

Every example from a span on, one Parquet file a span, joined as training data is joined and
without its label; recorded time is replayed as live traffic from these files.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from components.core.plan import Plan
from components.data.prepare.examples import prepare_span
from components.data.prepare.files import parquet_bytes
from components.data.prepare.primary import pieces
from components.data.prepare.run import read_external


def examples_from(plan: Plan, first: str) -> Iterator[tuple[str, pa.Table]]:
    """The examples of each span from `first` on, by the span's name, oldest first.

    All of them: those without a label, and those that lie in no split.

    Raises:
        InputError: A source cannot be read, or lacks a column that the plan needs.
    """
    outside, _ = read_external(plan)
    for piece in pieces(plan):
        if piece.span.name >= first:
            joinable = {one.name: one.rows_for(piece.span) for one in outside}
            yield piece.span.name, prepare_span(plan, piece.span, piece.rows(), joinable).examples


def write_live(plan_folder: Path, folder: Path, first: str) -> None:
    """Writes the examples of each span from `first` on.

    Args:
        plan_folder: The plan artifact, as of the end of what is replayed.
        folder: Where ``{span}.parquet`` is written.
        first: Name of the first span.

    Raises:
        InputError: A source cannot be read, or lacks a column that the plan needs.
    """
    plan = Plan.of(plan_folder)
    folder.mkdir(parents=True, exist_ok=True)
    for span, examples in examples_from(plan, first):
        rows = examples.drop_columns([plan.spec.label.name])
        (folder / f"{span}.parquet").write_bytes(parquet_bytes(rows))


def main(arguments: Sequence[str]) -> None:
    """Takes the plan's folder, the folder to write to, and the first span's name."""
    plan_folder, folder, first = arguments
    write_live(Path(plan_folder), Path(folder), first)


if __name__ == "__main__":
    main(sys.argv[1:])
