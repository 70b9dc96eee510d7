"""Reads every audit in turn, for as long as the process lives."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from components.ops.exporter.metrics import AuditMetrics, Watched
from components.ops.exporter.reader import Reader, Reading
from components.ops.exporter.summary import Summary

_LOGGER = logging.getLogger("ratoon.exporter")


class Exporter:
    """Keeps the metrics of watched models up to date.

    Args:
        audits: Model to the URI of its audit.
        metrics: Where they are asked for.
    """

    def __init__(self, audits: Mapping[str, str], metrics: AuditMetrics) -> None:
        self._readers = {model: Reader(model, uri) for model, uri in audits.items()}
        self._metrics = metrics
        self._metrics.watched = {model: Watched(Reading(Summary())) for model in audits}

    def run(self, every_s: float) -> NoReturn:
        """Reads until a signal ends it."""
        while True:
            self.read()
            time.sleep(every_s)

    def read(self) -> None:
        """Reads every audit once; one that cannot be read stays as it was, and says so."""
        for model, reader in self._readers.items():
            known = self._metrics.watched[model]
            self._metrics.watched = {**self._metrics.watched, model: _tried(model, reader, known)}


def _tried(model: str, reader: Reader, known: Watched) -> Watched:
    try:
        watched = Watched(reader.read(), is_up=True, read_at_s=time.time())
    except Exception:  # whatever a store raises, metrics go on and say that they are old
        if known.is_up or not known.read_at_s:
            _LOGGER.exception("The audit of %s cannot be read; its metrics are old.", model)
        return replace(known, is_up=False)
    if not known.is_up:
        _LOGGER.warning("The audit of %s is read: %d entries.", model, watched.reading.entries)
    return watched
