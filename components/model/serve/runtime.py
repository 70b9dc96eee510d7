"""From the columns of a request to its answer: schema, batch, model, counters, log.

Requests of either protocol, read here or by KServe, become a `PredictRequest` and are answered by
the one `Predictor`. The model runs on the event loop, because a hop to a thread costs more.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.core.artifacts import SERVER_LATENCY_BOUNDS_MS, TRIAL_REQUEST, ModelCard
from components.core.errors import InputError, RatoonError
from components.model.saved_model import InferenceError, Predictions, SavedModelRunner
from components.model.serve.input_schema import InputColumns, InputSchema, RawColumn
from components.model.serve.parsers import InvalidInput
from components.model.serve.prediction_log import PredictionLog, PredictionRecord

Model = Callable[[InputColumns], Predictions]
_Waiting = tuple[InputColumns, "asyncio.Future[Predictions]"]


@dataclass(frozen=True)
class PredictRequest:
    """A predict request of either protocol; by `time.perf_counter` it was whole at `started_s`."""

    id: str
    columns: Mapping[str, RawColumn]
    rows: int
    started_s: float


def model_of(runner: SavedModelRunner) -> Model:
    """The SavedModel as the server calls it: what it answers is a probability, or an error."""

    def predict(columns: InputColumns) -> Predictions:
        seconds = columns.timestamps // 1_000_000
        try:
            answers = runner.predict(columns.numbers, columns.categories, seconds)
        except InputError as error:
            raise InvalidInput(error.where, error.given, error.accepted, error.do, 422) from error
        if not (np.abs(answers.probability - 0.5) <= 0.5).all():
            raise InferenceError("The model answered with something that is not a probability.")
        return answers

    return predict


class Batcher:
    """Answers the requests that arrive in one turn of the event loop by one call of the model.

    There is no timer: a request that is alone waits for nothing. A request of more than
    `max_rows` rows is a call of its own.
    """

    def __init__(self, model: Model, max_rows: int) -> None:
        self._model, self._max_rows = model, max_rows
        self._waiting: list[_Waiting] = []

    def predict(self, columns: InputColumns) -> "asyncio.Future[Predictions]":
        """The answer to a request, after this turn of the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Predictions] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((columns, future))
        return future

    def _flush(self) -> None:
        waiting = [pair for pair in self._waiting if not pair[1].done()]
        self._waiting = []
        batch: list[_Waiting] = []
        rows = 0
        for pair in waiting:
            if batch and rows + pair[0].rows > self._max_rows:
                self._answer(batch)
                batch, rows = [], 0
            batch.append(pair)
            rows += pair[0].rows
        if batch:
            self._answer(batch)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            answers = self._model(_concatenate([columns for columns, _ in batch]))
        except RatoonError as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:  # each alone, so that only the one to blame fails
                for pair in batch:
                    self._answer([pair])
            return
        start = 0
        for columns, future in batch:
            rows = slice(start, start + columns.rows)
            future.set_result(Predictions(answers.probability[rows], answers.predicted[rows]))
            start += columns.rows


def _concatenate(parts: Sequence[InputColumns]) -> InputColumns:
    """The rows of several requests, one after the other, as the model reads them."""
    if len(parts) == 1:
        return parts[0]
    numbers, categories, timestamps = (
        np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name in ("numbers", "categories", "timestamps")
    )
    return InputColumns(numbers.shape[1], numbers, categories, timestamps, {})


class ServerMetrics:
    """What ``/metrics`` holds beside KServe's own histograms, whose label is `name`."""

    def __init__(self, card: ModelCard, name: str) -> None:
        from kserve.metrics import POST_HIST_TIME, PRE_HIST_TIME, PREDICT_HIST_TIME, get_labels
        from prometheus_client import Counter, Gauge, Histogram, Info

        labels = get_labels(name)
        self.preprocess_s: Any = PRE_HIST_TIME.labels(**labels)
        self.predict_s: Any = PREDICT_HIST_TIME.labels(**labels)
        self.postprocess_s: Any = POST_HIST_TIME.labels(**labels)
        self.log_rows: Any = Counter("ratoon_log_rows", "Rows written to the prediction log")
        self.log_rows_lost: Any = Counter(
            "ratoon_log_rows_lost", "Answered rows that the prediction log does not hold"
        )
        self.rows_without_key: Any = Counter(
            "ratoon_rows_without_key", "Rows without their whole key: no label can be joined"
        )
        self.requests: Any = Counter(
            "ratoon_requests", "Predict requests by HTTP status", ["protocol", "status"]
        )
        for protocol in ("v1", "v2"):
            for status in (200, 400, 500):  # at 0 from the start: else the first ones are no rise
                self.requests.labels(protocol, status)
        self.request_s: Any = Histogram(
            "ratoon_request_seconds",
            "Predict requests, from the whole body being there to the answer",
            buckets=[bound_ms / 1000 for bound_ms in SERVER_LATENCY_BOUNDS_MS],
        )
        self.last_request: Any = Gauge(
            "ratoon_last_request_timestamp_seconds", "The newest predict request, or the start"
        )
        self.last_request.set_to_current_time()
        trained = Gauge("ratoon_model_trained_timestamp_seconds", "What the model was trained for")
        trained.set(card.as_of.timestamp())
        served = {"name": card.name, "version": card.version}
        Info("ratoon_model", "The model that serves").info(served)

    def observe_request(self, protocol: str, status: int, started_s: float) -> None:
        """Counts an answered predict request that came whole at `started_s`."""
        self.requests.labels(protocol, status).inc()
        self.request_s.observe(time.perf_counter() - started_s)
        self.last_request.set_to_current_time()


@dataclass(frozen=True)
class Predictor:
    """Answers requests, whether the middleware or KServe read them."""

    card: ModelCard
    schema: InputSchema
    batcher: Batcher
    log: PredictionLog
    metrics: ServerMetrics

    async def predict(self, request: PredictRequest) -> Predictions:
        """Checks, predicts and logs; a request that validates a deployment is not logged.

        Raises:
            InvalidInput: The request cannot be answered.
            InferenceError: The model failed.
        """
        columns = self.schema.parse(request.columns, request.rows)
        answers = await self.batcher.predict(columns)
        latency_ms = (time.perf_counter() - request.started_s) * 1e3
        logged_at_us = time.time_ns() // 1_000
        if request.id.startswith(TRIAL_REQUEST):
            return answers
        self.log.put(PredictionRecord(request.id, logged_at_us, latency_ms, columns, answers))
        lacking = self.schema.rows_without_key(columns)
        if lacking:
            self.metrics.rows_without_key.inc(lacking)
        return answers
