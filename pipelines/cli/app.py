"""The root of the command: its groups, and how errors end it."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from components.core.errors import RatoonError
from pipelines.cli import decisions, kubeflow, models, runs
from pipelines.cli.options import ERROR, INTERRUPTED

# The clients of object stores, whose errors have no base class in common.
_STORES = ("botocore.", "gcsfs.", "google.auth.")


class _ErrorsAsMessages(TyperGroup):
    """Ends a command with its error's message and without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command.

        Raises:
            typer.Exit: It failed (1) or was interrupted (130).
        """
        try:
            return super().invoke(ctx)
        except (RatoonError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(ERROR) from None
        except Exception as error:
            if not type(error).__module__.startswith(_STORES):
                raise
            sys.stderr.write(f"the object store cannot be used: {error}\n")
            raise typer.Exit(ERROR) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_ErrorsAsMessages,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Puts tabular TensorFlow models into production on Kubeflow and keeps them fresh.",
    epilog="Exit codes: 0 done, 1 an error, 2 wrong usage, 3 a verdict said no.",
)
for room in (models, runs, decisions, kubeflow):
    room.register(app)
