"""The command line of the server, and its text log.

The text log goes to stderr and says what the server does. It never quotes a request: no access
log, and of an exception only its type and frames.
"""

import argparse
import logging
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ServerOptions(argparse.Namespace):
    """What a server is started with; `parse_options` says what each option means."""

    model_dir: Path
    host: str
    port: int
    log: str
    name: str | None
    max_rows: int
    max_body_bytes: int
    max_log_rows: int
    drain_s: float


def parse_options(arguments: Sequence[str]) -> ServerOptions:
    """Parses the command line; ends the process where it is wrong."""
    parser = argparse.ArgumentParser("python -m components.model.serve", description=__doc__)
    add = parser.add_argument
    add("--model-dir", type=Path, default=Path("/mnt/models"), help="the model folder")
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8080)
    add("--log", required=True, help="folder or URI of the prediction log")
    add("--name", help="name in paths; default: the model's own")
    add("--most-rows", dest="max_rows", type=int, default=10_000, help="rows of a request")
    max_bytes, help_bytes = 16 * 2**20, "bytes of a request's body"
    add("--most-bytes", dest="max_body_bytes", type=int, default=max_bytes, help=help_bytes)
    help_queue = "rows waiting for the prediction log; more are lost"
    add("--log-rows", dest="max_log_rows", type=int, default=100_000, help=help_queue)
    help_drain = "seconds after SIGTERM in which requests are still taken, with readiness at 503"
    add("--drain-s", type=float, default=0, help=help_drain)
    return parser.parse_args(arguments, ServerOptions())


class QuietFormatter(logging.Formatter):
    """Writes where an exception came from, not its message: that may quote a request."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name is logging's
        """The frames, and the type of the exception."""
        frames = "".join(traceback.format_tb(ei[2])).rstrip()
        return f"{frames}\n{ei[0].__name__ if ei[0] else ''}"


def configure_logging() -> None:
    """Sends every logger to stderr: no access log, no timings of a request."""
    handler = logging.StreamHandler()
    handler.setFormatter(QuietFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("ratoon", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("kserve.trace").setLevel(logging.CRITICAL)
    kserve = logging.getLogger("kserve")
    kserve.handlers, kserve.propagate = [handler], False  # without one KServe installs its own
    kserve.setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")  # KServe's own use of it
