"""``python -m components.ops.plan.check``: checks a spec and says what it means."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from components.core.errors import InputError, RatoonError
from components.core.spans import Span, format_instant
from components.core.spec import Spec, spec_json_schema
from components.ops.plan.available import available_spans
from components.ops.plan.defaults import accepted_defaults
from components.ops.plan.folder import ModelFolder, opened
from components.ops.plan.instant import instant_of
from components.ops.plan.meaning import meaning
from components.ops.plan.page import as_text
from components.ops.plan.request import read_spec, with_files
from components.ops.plan.schema import column_kinds
from components.ops.plan.signature import resolve
from components.ops.plan.windows import cut


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what a spec means; 1 and the reason on the error stream where it means nothing."""
    asked = _parser().parse_args(arguments)
    if asked.json_schema:
        sys.stdout.write(json.dumps(spec_json_schema(), indent=1) + "\n")
        return 0
    if not asked.model:
        _parser().error("name the model's folder, such as models/flights")
    try:
        with opened(asked.model) as folder:
            sys.stdout.write(check(folder, asked.overlay, asked.as_of))
    except RatoonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def check(folder: ModelFolder, overlay: str = "", as_of: str = "") -> str:
    """What the spec of a model's folder means; data that is not there yet is no error.

    Args:
        folder: The model's folder.
        overlay: A file with the fields that differ; empty for none.
        as_of: The instant to cut time at; empty for the end of the data that is there.

    Raises:
        InputError: The spec, its schema or a file that it names cannot be used.
    """
    written = read_spec(folder, overlay)
    model = with_files(folder, written)
    where = f"{model.where}/{model.spec.schema_file}"
    signature = resolve(model.spec, column_kinds(model.schema, where))
    instant = instant_of(as_of)
    spans = _spans(model.spec, instant)
    if spans and not as_of:
        instant = min(instant, spans[-1].end)
    windows = (format_instant(instant), cut(model.spec, spans, instant)) if spans else None
    names = tuple(span.name for span in spans)
    defaults = accepted_defaults(model.spec, written.given)
    return as_text(meaning(model.spec, signature.features, names, windows, defaults))


def _spans(spec: Spec, instant: datetime) -> tuple[Span, ...]:
    try:
        return available_spans(spec, instant)
    except InputError:
        return ()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.plan.check", description="Says what a model's spec means."
    )
    parser.add_argument("model", nargs="?", help="the model's folder by path or URI")
    parser.add_argument("--overlay", default="", help="a file with the fields that differ")
    parser.add_argument("--as-of", default="", help="cut time here; default: the end of the data")
    parser.add_argument(
        "--json-schema", action="store_true", help="print the JSON Schema of a spec, for editors"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
