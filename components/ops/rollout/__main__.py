"""``python -m components.ops.rollout restore|approve --model <folder>``: a person decides.

Target and audit are the spec's, so that nobody has to type them.
"""

import argparse
import sys
from collections.abc import Sequence

from components.core.errors import RatoonError
from components.core.spec import Spec
from components.ops.plan.folder import open_source
from components.ops.plan.model_files import read_spec
from components.ops.rollout import approve, restore


def main(arguments: Sequence[str] | None = None) -> None:
    """Passes on what the spec says to the command that takes it by hand."""
    parser = _parser()
    given, others = parser.parse_known_args(arguments)
    try:
        spec = _spec(given.model, given.overlay, given.target)
    except RatoonError as error:
        sys.exit(str(error))
    command = {"restore": restore.main, "approve": approve.main}[given.command]
    command((spec.serving.target, spec.name, *others, "--audit", spec.serving.audit_uri))


def _spec(model: str, overlay: str, target: str) -> Spec:
    with open_source(model) as folder:
        return read_spec(folder, overlay, target).spec


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.rollout",
        description="Decides on what serves, with target and audit as the spec says.",
        epilog="All else is passed on: the version, --reason, --reject, --list.",
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=("restore", "approve"))
    parser.add_argument("--model", required=True, help="the model's folder by path or URI")
    parser.add_argument("--overlay", default="", help="the overlay that it was deployed with")
    parser.add_argument("--target", default="", help="instead of the spec's serving.target")
    return parser


if __name__ == "__main__":
    main()
