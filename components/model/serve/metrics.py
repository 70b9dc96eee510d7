"""What ``/metrics`` says beside KServe's own histograms."""

from typing import Any

from components.core.artifacts import ModelCard


class Metrics:
    """The counters of a server, and the histograms that KServe's own path fills too.

    Args:
        card: The model that serves.
        name: The name that it serves under, the label of KServe's histograms.
    """

    def __init__(self, card: ModelCard, name: str) -> None:
        from kserve.metrics import POST_HIST_TIME, PRE_HIST_TIME, PREDICT_HIST_TIME, get_labels
        from prometheus_client import Counter, Info

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
        Info("ratoon_model", "The model that serves").info(
            {"name": card.name, "version": card.version}
        )
