"""``python -m components.data.validate.infer FOLDER``: a schema from the data, as a diff.

Prepares the newest spans, infers a schema, keeps what the committed one says where the data agree
with it, and shows the difference. Exit 0: none; 1: some; 2: the data or the spec cannot be read.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from components.core.errors import InputError
from components.core.plan import Plan
from components.core.spans import parse_instant
from components.core.spec import load_folder
from components.data.prepare.examples import prepare_span
from components.data.prepare.primary import pieces
from components.data.prepare.run import read_external
from components.data.validate.draft import draft_plan
from components.data.validate.inference import infer, reconcile
from components.data.validate.schema import parse_schema
from components.data.validate.schema_text import comment_of, difference, format_schema

_MOST_SPANS = 24


def propose(folder: Path, as_of: str | None, most_spans: int = _MOST_SPANS) -> tuple[str, str]:
    """The committed schema and the one to commit, both as text in one form.

    Args:
        folder: The model's folder.
        as_of: Nothing newer is looked at (ISO); None: all data.
        most_spans: The most spans, newest first, that are read.

    Returns:
        The committed schema's text, empty where there is none, and the proposed one's.

    Raises:
        InputError: The spec, the committed schema or the data cannot be read.
    """
    spec = load_folder(folder)
    plan, whole = draft_plan(spec, parse_instant(as_of) if as_of else None, most_spans)
    spans = _prepare(plan)
    inferred = infer(spans, whole, spec.label.name)
    file = folder / spec.schema_file
    if not file.is_file():
        return "", format_schema(inferred)
    text = file.read_text(encoding="utf-8")
    committed = parse_schema(text, str(file))
    proposed = reconcile(committed, inferred, pa.concat_tables(spans))
    comment = comment_of(text)
    return format_schema(committed, comment), format_schema(proposed, comment)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="infer", description="Infers a model's schema.")
    parser.add_argument("folder", type=Path, help="the model's folder, such as models/flights")
    parser.add_argument("--as-of", help="look at nothing newer than this instant")
    parser.add_argument("--spans", type=int, default=_MOST_SPANS, help="the most spans to read")
    parser.add_argument("--write", action="store_true", help="write the schema into the folder")
    given = parser.parse_args(arguments)
    try:
        committed, proposed = propose(given.folder, given.as_of, given.spans)
    except (InputError, FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    file = given.folder / load_folder(given.folder).schema_file
    changes = difference(committed, proposed, str(file))
    sys.stdout.write(changes or f"{file} agrees with the data.\n")
    if given.write and changes:
        file.write_text(proposed, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")
        return 0
    return 1 if changes else 0


def _prepare(plan: Plan) -> list[pa.Table]:
    """The examples of each span: raw columns and label, rows without a label too."""
    outside, _ = read_external(plan)
    names = [*(column.name for column in plan.columns), plan.spec.label.name]
    spans = []
    for piece in pieces(plan):
        joinable = {one.name: one.rows_for(piece.span) for one in outside}
        spans.append(prepare_span(plan, piece.span, piece.rows(), joinable).examples.select(names))
    return spans


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
