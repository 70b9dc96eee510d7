"""Runs the server: ``python -m components.model.serve --model-dir … --log …``."""

import os
import signal
import sys

from components.core.errors import InputError
from components.model.serve.cli import configure_logging, parse_options

_FLUSH_TIMEOUT_S = 8.0
_TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """Loads the model, serves it and flushes the log; returns the exit code."""
    # Process 1 of a container ends only by a handler, and the imports below take seconds.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    options = parse_options(sys.argv[1:])
    del sys.argv[1:]  # KServe parses the command line as it is imported, and takes short forms
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    from components.model.serve.loading import load

    configure_logging()
    try:
        predictor = load(options)
    except InputError as error:
        sys.stderr.write(f"This model is not served. {error}\n")
        return 1
    from components.model.serve.app import ModelServer

    try:
        ModelServer(predictor, options).run()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the flush below has a timeout
        predictor.log.close(_FLUSH_TIMEOUT_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
