"""The server's entry: ``python -m components.model.serve --model-dir … --log …``."""

import os
import signal
import sys

from components.core.errors import InputError
from components.model.serve.options import read_options

_FLUSH_S = 8.0
_TERMINATED = 128 + signal.SIGTERM


def main() -> int:
    """Loads, serves and flushes; the exit code."""
    # As process 1 of a container nothing but a handler ends it, and imports take seconds.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    options = read_options(sys.argv[1:])
    del sys.argv[1:]  # KServe reads the command line as it is imported, and takes short forms
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    from components.model.serve.loading import load
    from components.model.serve.text_log import configure_logging

    configure_logging()
    try:
        predictor = load(options)
    except InputError as error:
        sys.stderr.write(f"This model is not served. {error}\n")
        return 1
    from components.model.serve.server import Server

    try:
        Server(predictor, options).run()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the flush below is bounded
        predictor.log.close(_FLUSH_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
