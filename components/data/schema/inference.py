"""Infers a schema from data with TFDV, and curates it as a person would commit it."""

from collections.abc import Sequence
from math import floor
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data.schema.schema import as_declared, select_features
from components.data.schema.statistics import find_anomalies, statistics_of
from components.data.schema.tfdv import kernels

_LISTED = 30  # more categories are not listed: nobody would read them
_KNOWN_MASS = 0.95  # of the values must be listed categories
_PRESENCE_MARGIN = 0.1  # below the emptiest span
_STUB = 0.1  # of the usual rows of a span: one that has only begun says little
_STEPS = 20  # presence is rounded down to a twentieth


def infer(spans: Sequence[pa.Table], whole: frozenset[str], label: str) -> schema_pb2.Schema:
    """Infers a schema.

    Args:
        spans: The prepared examples of each span, with the columns of the schema.
        whole: Columns whose source stores whole numbers.
        label: The label's column, 0 or 1, which may be missing anywhere.

    Returns:
        One feature a column, in the columns' order: its type, its minimum presence, the list of
        its categories if they are few, its time domain, and the bounds of the label.
    """
    table = pa.concat_tables(spans)
    integers = [schema_pb2.Feature(name=name, type=schema_pb2.INT) for name in sorted(whole)]
    statistics = statistics_of(as_declared(table, schema_pb2.Schema(feature=integers)))
    inferred = schema_pb2.Schema.FromString(
        kernels().infer(statistics.datasets[0].SerializeToString(), _LISTED, False)
    )
    types = {feature.name: feature.type for feature in inferred.feature}
    schema = schema_pb2.Schema()
    for name in table.column_names:
        feature = schema.feature.add(name=name, type=types.get(name, schema_pb2.FLOAT))
        if name == label:
            feature.int_domain.min, feature.int_domain.max = 0, 1
        else:
            _curate(feature, [span[name] for span in spans])
    return schema


def reconcile(
    committed: schema_pb2.Schema, inferred: schema_pb2.Schema, table: pa.Table
) -> schema_pb2.Schema:
    """Keeps the committed features that agree with the data; the others become the inferred ones.

    What a person put into the schema stays until the data contradict it.

    Args:
        committed: The committed schema.
        inferred: The inferred schema; it decides which columns there are.
        table: The data that it was inferred from.
    """
    names = [feature.name for feature in inferred.feature]
    statistics = statistics_of(as_declared(table, committed))
    contradicted = find_anomalies(statistics, select_features(committed, names)).anomaly_info
    found = {feature.name: feature for feature in inferred.feature}
    stays = [feature for feature in committed.feature if feature.name in found]
    schema = schema_pb2.Schema()
    schema.CopyFrom(committed)
    del schema.feature[:]
    schema.feature.extend(found[f.name] if f.name in contradicted else f for f in stays)
    schema.feature.extend(f for f in inferred.feature if f.name not in {s.name for s in stays})
    return schema


def _curate(feature: schema_pb2.Feature, columns: Sequence[pa.ChunkedArray]) -> None:
    usual = median(len(column) for column in columns)
    shares = [1 - c.null_count / len(c) for c in columns if len(c) > _STUB * usual]
    least = min(shares, default=0.0)
    margin = floor((least - _PRESENCE_MARGIN) * _STEPS) / _STEPS
    feature.presence.min_fraction = 1.0 if least == 1 else max(margin, 0.0)
    column = pa.chunked_array([chunk for c in columns for chunk in c.chunks])
    if pa.types.is_timestamp(column.type):
        feature.type = schema_pb2.INT
        feature.time_domain.integer_format = schema_pb2.TimeDomain.UNIX_SECONDS
    elif pa.types.is_string(column.type):
        feature.type = schema_pb2.BYTES
        categories = sorted(pc.unique(column.drop_null()).to_pylist())
        if 0 < len(categories) <= _LISTED:
            feature.string_domain.value.extend(categories)
            feature.distribution_constraints.min_domain_mass = _KNOWN_MASS
