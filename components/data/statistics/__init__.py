"""Statistics of an Arrow table by TFDV's own kernels, without Beam pipelines in between."""

from components.data.statistics.batches import record_batches
from components.data.statistics.files import read_statistics, write_statistics
from components.data.statistics.tables import statistics_of

__all__ = ["read_statistics", "record_batches", "statistics_of", "write_statistics"]
