"""``python -m components.ops.audit``: prints what stands behind one prediction."""

import argparse
import sys
from collections.abc import Sequence

from components.core.errors import RatoonError
from components.ops.audit.page import as_json, as_text
from components.ops.audit.run import trace


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the chain of each row; 1 and the reason on the error stream where there is none."""
    asked = _parser().parse_args(arguments)
    try:
        chains = trace(asked.request, asked.model, asked.overlay, asked.target)
    except RatoonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    text = as_json(chains) if asked.json else "\n".join(as_text(chain) for chain in chains)
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.audit",
        description="From one prediction to the model, the run, the data and the gates behind it.",
    )
    parser.add_argument("request", help="the id of a request, or id/row for one row of it")
    parser.add_argument("--model", required=True, help="the model's folder by path or URI")
    parser.add_argument("--overlay", default="", help="the overlay that it was deployed with")
    parser.add_argument("--target", default="", help="instead of the spec's serving.target")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
