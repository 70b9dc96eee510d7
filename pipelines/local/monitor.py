"""``make monitor``: runs every monitoring run that is due for a model on this machine."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from components.core.errors import InputError, RatoonError
from components.core.spans import parse_instant
from components.core.spec import load_folder
from components.ops.targets.local.place import SCHEME, parse_place
from pipelines.local.progress import TerminalProgress
from pipelines.local.recurring import run_due


def main(arguments: list[str] | None = None) -> int:
    """Runs what is due and says where the reports are; 1 where a run failed."""
    parser = argparse.ArgumentParser(prog="make monitor", description=__doc__)
    parser.add_argument("model", type=Path, help="the model's folder")
    parser.add_argument("--as-of", default="", help="the instant up to which runs are due")
    parser.add_argument("--workspace", type=Path, default=Path("build/runs"))
    options = parser.parse_args(arguments)
    console = Console()
    try:
        # A person's command, not a step: what is due is due by this machine's clock.
        now = parse_instant(options.as_of) if options.as_of else datetime.now(UTC)
        serving = _serving(load_folder(options.model).serving.target)
        results = run_due(serving, now, options.workspace, TerminalProgress(console))
    except (RatoonError, ValueError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    if not results:
        console.print("nothing is due")
    for result in results:
        console.print(f"report: {result.step('monitor').artifacts['report']}", soft_wrap=True)
    return 0


def _serving(target: str) -> Path:
    """The folder that serves.

    Raises:
        InputError: It is a cluster that serves.
    """
    if not target.startswith(SCHEME):
        do = "On a cluster the recurring run does it: look for it under Runs in the dashboard."
        raise InputError("serving.target", target, f"a target of the form {SCHEME}<folder>", do)
    return parse_place(target).folder


if __name__ == "__main__":
    sys.exit(main())
