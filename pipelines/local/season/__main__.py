"""``python -m pipelines.local.season models/flights``: plays a model's season on this machine."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from components.core.errors import RatoonError
from pipelines.local import TerminalProgress
from pipelines.local.season.index import index_page
from pipelines.local.season.play import Play
from pipelines.local.season.setup import setup_seconds
from pipelines.local.season.show import show_next, show_season


def main(arguments: list[str] | None = None) -> int:
    """Plays a season, or what is left of it, and shows what it came to."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("model", type=Path, help="a model's folder with a season.yaml")
    parser.add_argument("--overlay", default="", help="the few fields that differ; a file")
    parser.add_argument("--verbose", action="store_true", help="show what the steps log")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        progress = TerminalProgress(console, verbose=options.verbose)
        _play(Play(options.model, progress, options.overlay), console)
    except RatoonError as error:
        console.print(f"{error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted. `make run` goes on after the last finished step.")
        return 130
    return 0


def _play(play: Play, console: Console) -> None:
    ledger = play.play().model_copy(update={"setup_s": setup_seconds(Path(".venv"))})
    ledger.write(play.places.summary)
    page = index_page(ledger, play.spec.description, play.places.index.parent.resolve())
    play.places.index.write_text(page, encoding="utf-8")
    show_season(console, ledger, play.places)
    if play.host.stays:
        show_next(console, play.url("v1", "predict"), play.requests[-1])


if __name__ == "__main__":
    sys.exit(main())
