"""Arguments and options that several commands share, and how results are printed."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from components.core.errors import RunError

ERROR, VERDICT_NO, INTERRUPTED = 1, 3, 130

Model = Annotated[str, typer.Argument(help="The model's folder, by path or URI.")]
Overlay = Annotated[
    str, typer.Option(help="A file of the model's folder with the fields that differ here.")
]
Target = Annotated[str, typer.Option(help="Instead of the spec's serving.target.")]
AsOf = Annotated[
    str, typer.Option(help="The instant to work as of, such as 2013-07-01; default: now.")
]


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to print the result.")]


def example(command: str) -> str:
    """The end of a command's help."""
    return f"Example: ratoon {command}"


def group(app: typer.Typer, name: str, help_text: str) -> typer.Typer:
    """Adds a group of commands, such as ``ratoon rollout``."""
    made = typer.Typer(no_args_is_help=True, help=help_text, rich_markup_mode=None)
    app.add_typer(made, name=name)
    return made


def emit(output: Format, text: Callable[[], str], data: Callable[[], Any]) -> None:
    """Prints a result as text for people or as JSON for scripts."""
    if output is Format.JSON:
        sys.stdout.write(json.dumps(data(), indent=1, default=str) + "\n")
    else:
        lines = text().rstrip()
        sys.stdout.write(f"{lines}\n" if lines else "")


@contextmanager
def development_environment() -> Iterator[None]:
    """Turns a missing import into one sentence.

    Raises:
        RunError: A package of the development environment is not there.
    """
    try:
        yield
    except ImportError as error:
        raise RunError(
            f"This command needs the development environment of a checkout ({error.name} is not "
            "installed here): run `make .venv/ready` there, then .venv/dev/bin/ratoon."
        ) from error
