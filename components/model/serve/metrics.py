"""What ``/metrics`` says beside KServe's own histograms."""

import time
from typing import Any

from components.core.artifacts import SERVER_LATENCY_BOUNDS_MS, ModelCard
from components.core.spans import parse_instant


class Metrics:
    """The counters of a server, and the histograms that KServe's own path fills too.

    Args:
        card: The model that serves.
        name: The name that it serves under, the label of KServe's histograms.
    """

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
        trained.set(parse_instant(card.as_of).timestamp())
        Info("ratoon_model", "The model that serves").info(
            {"name": card.name, "version": card.version}
        )

    def answered(self, protocol: str, status: int, started_s: float) -> None:
        """Counts an answered predict request; not the trials of a deployment.

        Args:
            protocol: ``v1`` or ``v2``.
            status: The HTTP status.
            started_s: When the whole request was there, by `time.perf_counter`.
        """
        self.requests.labels(protocol, status).inc()
        self.request_s.observe(time.perf_counter() - started_s)
        self.last_request.set_to_current_time()
