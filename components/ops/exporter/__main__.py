"""``python -m components.ops.exporter --models models.yaml --port 9090``: metrics of audits."""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import yaml
from prometheus_client import CollectorRegistry, start_http_server

from components.core import storage
from components.core.errors import InputError
from components.core.units import parse_duration
from components.ops.exporter.audit_summary import AuditReader, ModelState
from components.ops.exporter.metrics import AuditMetrics

_LOGGER = logging.getLogger("ratoon.exporter")
_ACCEPTED = "a mapping of model to audit, such as flights: s3://bucket/flights/log-audit"


class Exporter:
    """Keeps the metrics of models up to date."""

    def __init__(self, audits: Mapping[str, str], metrics: AuditMetrics) -> None:
        self._readers = {model: AuditReader(model, uri) for model, uri in audits.items()}
        self._metrics = metrics
        self._metrics.models = dict.fromkeys(audits, ModelState())

    def run(self, every_s: float) -> NoReturn:
        """Reads until a signal ends the process."""
        while True:
            self.read()
            time.sleep(every_s)

    def read(self) -> None:
        """Reads every audit once; the metrics of one that cannot be read stay as they were."""
        for model, reader in self._readers.items():
            known = self._metrics.models[model]
            try:
                state = reader.read()
                if not known.is_up:
                    _LOGGER.warning("The audit of %s is read: %d entries.", model, state.entries)
            except Exception:  # whatever a store raises, metrics stay and say that they are old
                if known.is_up or not known.read_at_s:
                    _LOGGER.exception("The audit of %s cannot be read; its metrics are old.", model)
                state = replace(known, is_up=False)
            self._metrics.models = {**self._metrics.models, model: state}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves metrics until a signal comes; 1 if it cannot begin."""
    # Process 1 of a container ends by a signal only if it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.exporter",
        description="What the audits of models say, as metrics for Prometheus.",
    )
    parser.add_argument("--models", type=Path, required=True, help="YAML: model to audit URI")
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen on")  # noqa: S104
    parser.add_argument("--port", type=int, default=9090)
    every = timedelta(minutes=1)
    parser.add_argument("--every", type=parse_duration, default=every, help="such as 60s or 5m")
    options = parser.parse_args(arguments)
    try:
        audits = read_models(options.models)
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


def read_models(file: Path) -> Mapping[str, str]:
    """Reads which models have metrics, and the URI of each one's audit.

    Raises:
        InputError: There is no such file, or it holds something else.
    """
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(str(file), str(error).partition("\n")[0], _ACCEPTED) from error
    if not isinstance(given, dict) or not given:
        raise InputError(str(file), given, _ACCEPTED)
    for model, audit in given.items():
        if not isinstance(model, str) or not isinstance(audit, str):
            raise InputError(f"{file}: {model}", audit, _ACCEPTED)
        storage.resolve(audit)
    return {model: audit.rstrip("/") for model, audit in given.items()}


if __name__ == "__main__":
    sys.exit(main())
