"""The command line of the server."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What a server is started with.

    Attributes:
        model_dir: The model folder: model.json, golden.json, saved_model/.
        host: The address to listen on.
        port: The port.
        log: Folder or URI of the prediction log.
        name: The name in paths; None: the model's own.
        most_rows: The most rows of a request.
        most_bytes: The longest body of a request.
        log_rows: The most rows that wait for the log.
        drain_s: How long requests are still taken after SIGTERM, when readiness says no.
    """

    model_dir: Path
    host: str
    port: int
    log: str
    name: str | None
    most_rows: int
    most_bytes: int
    log_rows: int
    drain_s: float


def read_options(arguments: Sequence[str]) -> Options:
    """Reads the command line; ends the process where it is wrong."""
    parser = argparse.ArgumentParser("python -m components.model.serve", description=__doc__)
    parser.add_argument("--model-dir", type=Path, default=Path("/mnt/models"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--log", required=True, help="folder or URI of the prediction log")
    parser.add_argument("--name", help="name in paths; default: the model's own")
    parser.add_argument("--most-rows", type=int, default=10_000, help="rows of a request")
    parser.add_argument("--most-bytes", type=int, default=16 * 2**20, help="bytes of a request")
    parser.add_argument("--log-rows", type=int, default=100_000, help="rows waiting for the log")
    parser.add_argument("--drain-s", type=float, default=0, help="seconds from SIGTERM to the end")
    return Options(**vars(parser.parse_args(arguments)))
