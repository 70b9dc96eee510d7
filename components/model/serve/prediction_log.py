"""The prediction log: every answered row, as Parquet in a folder for each hour.

`PredictionLog.put` queues a record and returns: a prediction never waits for a disk. A thread
writes what is queued, about once a second. Rows that find no room in the queue, or whose write
fails, are counted as lost, and serving goes on.
"""

import logging
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import ModelCard
from components.model.saved_model import Predictions
from components.model.serve.input_schema import InputColumns, InputSchema
from components.model.serve.parsers import TIMESTAMP

_LOGGER = logging.getLogger("ratoon.serve.log")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """The rows of one answered request, logged at microseconds since 1970 UTC.

    The latency is that from the whole request being there to its answer.
    """

    request_id: str
    logged_at_us: int
    latency_ms: float
    columns: InputColumns
    answers: Predictions

    @property
    def hour(self) -> str:
        """The UTC hour of logging, the folder that the rows go to."""
        instant = datetime.fromtimestamp(self.logged_at_us // 1_000_000, UTC)
        return instant.strftime("%Y-%m-%dT%H")


@dataclass(frozen=True)
class LogSchema:
    """The columns of one model's log: `names` are key, event time and raw columns, in order."""

    model: str
    version: str
    inputs: InputSchema
    names: tuple[str, ...]

    @classmethod
    def from_card(cls, card: ModelCard, inputs: InputSchema) -> Self:
        """The schema of a model's log."""
        names = dict.fromkeys((*card.key, card.event_time, *inputs.kinds))
        return cls(card.name, card.version, inputs, tuple(names))

    def table(self, records: Sequence[PredictionRecord]) -> pa.Table:
        """The rows of some records, in the order of the requests."""
        counts = np.array([record.columns.rows for record in records])
        probability = np.concatenate([r.answers.probability for r in records])
        columns = {
            "request_id": _repeated(records, "request_id", counts),
            "row": pa.array(np.concatenate([np.arange(n, dtype=np.int32) for n in counts])),
            "logged_at": _repeated(records, "logged_at_us", counts).cast(TIMESTAMP),
            "model": pa.repeat(self.model, int(counts.sum())),
            "version": pa.repeat(self.version, int(counts.sum())),
            "latency_ms": _repeated(records, "latency_ms", counts),
            "probability": pa.array(probability.astype(np.float64)),
            "predicted": pa.array(np.concatenate([r.answers.predicted for r in records])),
        }
        return pa.table(columns | {name: self._column(name, records) for name in self.names})

    def _column(self, name: str, records: Sequence[PredictionRecord]) -> pa.Array:
        kind = self.inputs.kinds.get(name)
        if kind is None:
            return self._passthrough(name, records)
        place = self.inputs.names[kind].index(name)
        if kind == "number":
            numbers = np.concatenate([r.columns.numbers[place] for r in records])
            return pa.array(numbers, mask=np.isnan(numbers))
        if kind == "category":
            texts = np.concatenate([r.columns.categories[place] for r in records])
            return pa.array(texts, type=pa.string(), mask=np.asarray(texts == "", dtype=bool))
        micros = np.concatenate([r.columns.timestamps[place] for r in records])
        return pa.array(micros).cast(TIMESTAMP)

    def _passthrough(self, name: str, records: Sequence[PredictionRecord]) -> pa.Array:
        arrays = [r.columns.passthrough.get(name, pa.nulls(r.columns.rows)) for r in records]
        types = {array.type for array in arrays} - {pa.null()}
        if self.inputs.passthrough[name] == "timestamp":
            types = {TIMESTAMP}
        # Clients that disagree on a key's type are written as text: no row is lost over it.
        common = types.pop() if len(types) == 1 else pa.string()
        return pa.concat_arrays([array.cast(common) for array in arrays])


def _repeated(records: Sequence[PredictionRecord], field: str, counts: Any) -> pa.Array:
    """A field of each record, once for each of its rows."""
    values = pa.array([getattr(record, field) for record in records])
    return values.take(pa.array(np.repeat(np.arange(len(records)), counts)))


class PredictionLog:
    """Takes records without blocking and writes them from a thread of its own.

    The folder of the hours is a path or URI; `write` writes a file whole. Both counts are of rows.
    At most `max_rows` are in memory, those being written included; more are lost. The thread
    writes every `flush_s` seconds, and at once when `flush_rows` wait.
    """

    def __init__(
        self,
        folder: str,
        schema: LogSchema,
        write: Callable[[str, bytes], None],
        count_written: Callable[[int], None],
        count_lost: Callable[[int], None],
        max_rows: int = 100_000,
        flush_rows: int = 20_000,
        flush_s: float = 1.0,
    ) -> None:
        self._folder, self._schema, self._write = folder.rstrip("/"), schema, write
        self._count_written, self._count_lost = count_written, count_lost
        self._max_rows, self._flush_rows, self._flush_s = max_rows, flush_rows, flush_s
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._queue: list[PredictionRecord] = []
        self._rows = self._queued_rows = 0
        self._closing = self._failing = False
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def put(self, record: PredictionRecord) -> None:
        """Queues a record, or counts its rows as lost if there is no room."""
        rows = record.columns.rows
        with self._lock:
            room = not self._closing and self._rows + rows <= self._max_rows
            if room:
                self._queue.append(record)
                self._rows += rows
                self._queued_rows += rows
        if not room:
            self._count_lost(rows)
        elif self._queued_rows >= self._flush_rows:
            self._wake.set()

    def close(self, timeout_s: float) -> int:
        """Writes what is queued; returns the rows not written in time, counted as lost."""
        with self._lock:
            self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        with self._lock:
            left = self._rows if self._thread.is_alive() else 0
        if left:
            self._count_lost(left)
            _LOGGER.error("The prediction log was closed with %d rows not written.", left)
        return left

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            closing = self._closing
            with self._lock:
                queue, self._queue, self._queued_rows = self._queue, [], 0
            for hour, records in groupby(queue, attrgetter("hour")):
                self._flush(hour, list(records))

    def _flush(self, hour: str, records: Sequence[PredictionRecord]) -> None:
        rows = sum(record.columns.rows for record in records)
        name = f"{_UNSAFE.sub('-', self._schema.version)}-{uuid.uuid4().hex}.parquet"
        try:
            sink = pa.BufferOutputStream()
            pq.write_table(self._schema.table(records), sink)
            self._write(f"{self._folder}/{hour}/{name}", sink.getvalue().to_pybytes())
        except Exception:  # whatever a store raises, serving goes on and the rows are counted
            self._count_lost(rows)
            if not self._failing:
                _LOGGER.exception("The prediction log cannot be written; rows are being lost.")
            self._failing = True
        else:
            self._count_written(rows)
            if self._failing:
                _LOGGER.warning("The prediction log is written again.")
            self._failing = False
        with self._lock:
            self._rows -= rows
