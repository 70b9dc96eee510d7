"""The prediction log: every answered row, off the request path, as Parquet by hour."""

from components.model.serve.log.layout import Layout
from components.model.serve.log.prediction_log import PredictionLog
from components.model.serve.log.record import LogRecord

__all__ = ["Layout", "LogRecord", "PredictionLog"]
