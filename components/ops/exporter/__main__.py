"""``python -m components.ops.exporter --models models.yaml --port 9090``."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server

from components.core.errors import InputError
from components.core.units import parse_duration
from components.ops.exporter.metrics import AuditMetrics
from components.ops.exporter.run import Exporter
from components.ops.exporter.watched import read_watched


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves metrics until a signal comes; 1 and the reason where it cannot begin."""
    # As process 1 of a container nothing but a handler ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    options = _parser().parse_args(arguments)
    try:
        audits = read_watched(options.models)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    metrics, registry = AuditMetrics(), CollectorRegistry()
    exporter = Exporter(audits, metrics)
    registry.register(metrics)
    server, _ = start_http_server(options.port, options.host, registry)
    try:
        exporter.run(options.every.total_seconds())
    except KeyboardInterrupt:
        return 0
    finally:
        server.shutdown()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.exporter",
        description="What the audits of models say, as metrics for Prometheus.",
    )
    parser.add_argument("--models", type=Path, required=True, help="YAML: model to audit URI")
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen on")  # noqa: S104
    parser.add_argument("--port", type=int, default=9090)
    every = timedelta(minutes=1)
    parser.add_argument("--every", type=parse_duration, default=every, help="such as 60s or 5m")
    return parser


if __name__ == "__main__":
    sys.exit(main())
