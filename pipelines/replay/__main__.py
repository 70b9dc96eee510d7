"""``python -m pipelines.replay models/flights``: replays recorded time of a model."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from components.core.errors import RatoonError
from pipelines.local.machine import Machine
from pipelines.replay.replay import Replay, ReplayProgress
from pipelines.replay.report import index_page, setup_seconds, show_next, show_replay


def main(arguments: list[str] | None = None) -> int:
    """Replays a model's recorded time, or what is left of it, and shows the result."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("model", type=Path, help="a model's folder with a replay.yaml")
    parser.add_argument("--overlay", default="", help="the few fields that differ; a file")
    parser.add_argument("--verbose", action="store_true", help="show what the steps log")
    options = parser.parse_args(arguments)
    console = Console()
    progress = ReplayProgress(console, verbose=options.verbose)
    try:
        _show(Replay(options.model, progress, options.overlay), console)
    except RatoonError as error:
        console.print(f"{error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted. `make run` goes on after the last finished step.")
        return 130
    return 0


def _show(replay: Replay, console: Console) -> None:
    state = replay.run().model_copy(update={"setup_s": setup_seconds(Machine.of_checkout().envs)})
    state.write(replay.paths.summary)
    page = index_page(state, replay.spec.description, replay.paths.index.parent.resolve())
    replay.paths.index.write_text(page, encoding="utf-8")
    show_replay(console, state, replay.paths)
    if replay.host.stays:
        show_next(console, replay.url("v1", "predict"), replay.requests[-1])


if __name__ == "__main__":
    sys.exit(main())
