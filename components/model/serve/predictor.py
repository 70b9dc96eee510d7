"""One request from its checked columns to its answer and its rows in the log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from components.core.artifacts import TRIAL_REQUEST, ModelCard
from components.model.serve.batches import Batcher
from components.model.serve.columns import Contract, Given
from components.model.serve.log import LogRecord, PredictionLog
from components.model.serve.metrics import Metrics
from components.model.serve.prediction import Prediction


@dataclass(frozen=True)
class Request:
    """A predict request, whatever protocol it came by.

    Attributes:
        id: The client's, or ours.
        given: Name to column.
        rows: Cells of every column.
        started_s: When the whole request was there, by `time.perf_counter`.
    """

    id: str
    given: Mapping[str, Given]
    rows: int
    started_s: float


@dataclass(frozen=True)
class Predictor:
    """Answers requests, shared by the fast path and KServe's own."""

    card: ModelCard
    contract: Contract
    batcher: Batcher
    log: PredictionLog
    metrics: Metrics

    async def predict(self, request: Request) -> Prediction:
        """Checks, predicts and logs; a deployment's own trial is no traffic and is not logged.

        Raises:
            Refusal: The request cannot be answered.
            NetworkFailed: The model failed.
        """
        columns = self.contract.read(request.given, request.rows)
        answer = await self.batcher.predict(columns)
        latency_ms = (time.perf_counter() - request.started_s) * 1e3
        logged_at_us = time.time_ns() // 1_000
        if request.id.startswith(TRIAL_REQUEST):
            return answer
        self.log.put(LogRecord(request.id, logged_at_us, latency_ms, columns, answer))
        lacking = self.contract.rows_without_key(columns)
        if lacking:
            self.metrics.rows_without_key.inc(lacking)
        return answer
