"""What one request leaves in the prediction log."""

from dataclasses import dataclass
from datetime import UTC, datetime

from components.model.serve.columns import Columns
from components.model.serve.prediction import Prediction


@dataclass(frozen=True, slots=True)
class LogRecord:
    """The rows of one answered request.

    Attributes:
        request_id: The client's, or ours.
        logged_at_us: Microseconds since 1970 UTC.
        latency_ms: From the whole request being there to its answer.
        columns: What was asked.
        answer: What was answered.
    """

    request_id: str
    logged_at_us: int
    latency_ms: float
    columns: Columns
    answer: Prediction

    @property
    def hour(self) -> str:
        """The UTC hour of logging, the folder that the rows go to."""
        instant = datetime.fromtimestamp(self.logged_at_us // 1_000_000, UTC)
        return instant.strftime("%Y-%m-%dT%H")
