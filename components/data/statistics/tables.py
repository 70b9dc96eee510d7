"""Statistics of a table."""

from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data.statistics.batches import record_batches
from components.data.statistics.kernels import kernels

_RANKED_VALUES = 2_000


def statistics_of(table: pa.Table, name: str = "") -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of every column: counts, missing, moments, quantiles, the commonest values.

    Args:
        table: Flat columns of numbers, booleans, strings or instants; may have no rows.
        name: What the dataset is called, such as ``train``.

    Returns:
        One dataset; equal tables give equal statistics.
    """
    tfdv = kernels()
    options = tfdv.options(num_top_values=20, num_rank_histogram_buckets=_RANKED_VALUES)
    generators = tfdv.generators(options, in_memory=True)
    partial: list[Any] = [generator.create_accumulator() for generator in generators]
    for batch in record_batches(table):
        pairs = zip(generators, partial, strict=True)
        partial = [generator.add_input(sums, batch) for generator, sums in pairs]
    statistics = tfdv.extract(partial, generators)
    if not statistics.datasets:
        statistics.datasets.add()
    statistics.datasets[0].name = name
    return statistics
