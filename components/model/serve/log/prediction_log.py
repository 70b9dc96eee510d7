"""The queue and the thread between answers and files: a prediction never waits for a disk."""

import logging
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from components.model.serve.log.layout import Layout
from components.model.serve.log.record import LogRecord

_LOGGER = logging.getLogger("ratoon.serve.log")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class Counter(Protocol):
    """Counts rows; a Prometheus counter is one."""

    def inc(self, amount: float) -> None:
        """Adds to the count."""


class PredictionLog:
    """Takes records without blocking and writes them from a thread of its own.

    Args:
        folder: Where the folders of hours are, a path or URI.
        layout: The columns.
        write: Writes a file whole, `core.storage.write_bytes`.
        written: Counts rows written.
        lost: Counts rows lost: no room in the queue, or the write failed.
        most_rows: Rows in memory, those being written included; more are lost.
        flush_rows: Rows that are written at once without waiting for `flush_s`.
        flush_s: The longest that a row waits for the next write, in seconds.
    """

    def __init__(
        self,
        folder: str,
        layout: Layout,
        write: Callable[[str, bytes], None],
        written: Counter,
        lost: Counter,
        most_rows: int = 100_000,
        flush_rows: int = 20_000,
        flush_s: float = 1.0,
    ) -> None:
        self._folder, self._layout, self._write = folder.rstrip("/"), layout, write
        self._written, self._lost = written, lost
        self._most_rows, self._flush_rows, self._flush_s = most_rows, flush_rows, flush_s
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._pending: list[LogRecord] = []
        self._rows = self._fresh_rows = 0
        self._closing = self._failing = False
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def put(self, record: LogRecord) -> None:
        """Takes a record, or counts its rows as lost where there is no room."""
        rows = record.columns.rows
        with self._lock:
            room = not self._closing and self._rows + rows <= self._most_rows
            if room:
                self._pending.append(record)
                self._rows += rows
                self._fresh_rows += rows
        if not room:
            self._lost.inc(rows)
        elif self._fresh_rows >= self._flush_rows:
            self._wake.set()

    def close(self, timeout_s: float) -> int:
        """Writes what is there.

        Args:
            timeout_s: The longest to wait for the disk.

        Returns:
            Rows that could not be written in time; they are counted as lost.
        """
        with self._lock:
            self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        with self._lock:
            left = self._rows if self._thread.is_alive() else 0
        if left:
            self._lost.inc(left)
            _LOGGER.error("The prediction log was closed with %d rows not written.", left)
        return left

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            closing = self._closing
            for hour, records in groupby(self._take(), attrgetter("hour")):
                self._flush(hour, list(records))

    def _take(self) -> list[LogRecord]:
        with self._lock:
            records, self._pending, self._fresh_rows = self._pending, [], 0
        return records

    def _flush(self, hour: str, records: Sequence[LogRecord]) -> None:
        rows = sum(record.columns.rows for record in records)
        try:
            self._write(self._file(hour), _parquet(self._layout.table(records)))
        except Exception:  # whatever a store raises, serving goes on and the rows are counted
            self._lost.inc(rows)
            if not self._failing:
                _LOGGER.exception("The prediction log cannot be written; rows are being lost.")
            self._failing = True
        else:
            self._written.inc(rows)
            if self._failing:
                _LOGGER.warning("The prediction log is written again.")
            self._failing = False
        with self._lock:
            self._rows -= rows

    def _file(self, hour: str) -> str:
        version = _UNSAFE.sub("-", self._layout.version)
        return f"{self._folder}/{hour}/{version}-{uuid.uuid4().hex}.parquet"


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
