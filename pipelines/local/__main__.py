"""The laptop runner's command line: `python -m pipelines.local run <pipeline.yaml>`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from components.core.errors import RatoonError
from pipelines.local.machine import Machine
from pipelines.local.progress import TerminalProgress
from pipelines.local.result import RunResult
from pipelines.local.runner import run

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a pipeline and returns the exit code: 0, 1 for a failed run, 130 for a stopped one."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True)
    try:
        result = run(
            options.pipeline,
            dict(options.param),
            options.workspace,
            run_id=options.run_id,
            title=options.title,
            observer=TerminalProgress(verbose=options.verbose),
            machine=replace(Machine.of_checkout(), code=options.code.resolve()),
            cache=options.cache,
        )
    except RatoonError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    said = [f"  {result.seconds:.1f} s, in {result.folder}", *_reports(result)]
    Console().print("\n".join(said), highlight=False, markup=False, soft_wrap=True)
    return 0


def _reports(result: RunResult) -> list[str]:
    """Where each step that decided says why, in full."""
    steps = [step for step in result.steps.values() if "report" in step.artifacts]
    return [f"  report of {step.name}: {step.artifacts['report']}" for step in steps]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="run")
    command = commands.add_parser("run", help="run a compiled pipeline on this machine")
    command.add_argument("pipeline", type=Path, help="compiled pipeline, the file a cluster runs")
    command.add_argument(
        "--param",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the pipeline; may be repeated",
    )
    command.add_argument(
        "--workspace",
        type=Path,
        default=Path("build/local"),
        help="folder of runs and their artifacts (default: %(default)s)",
    )
    command.add_argument(
        "--run-id", help="key of the run: an unfinished run of the same key goes on"
    )
    command.add_argument(
        "--code",
        type=Path,
        default=Machine.of_checkout().code,
        help="folder that holds the steps' code, as an image would (default: this checkout)",
    )
    command.add_argument("--title", help="what the terminal calls the run")
    command.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="run every step anew, even where another run did the same work",
    )
    command.add_argument("--verbose", action="store_true", help="show what the steps log")
    return parser


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
