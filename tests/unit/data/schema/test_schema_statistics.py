"""Statistics of small tables against counts made by hand."""

import datetime as dt
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data.schema.statistics import (
    record_batches,
    statistics_of,
    write_statistics,
)

TABLE = pa.table(
    {
        "number": pa.array([1.0, None, 0.0, 4.0, None], pa.float64()),
        "whole": pa.array([0, 1, 1, None, 1], pa.int8()),
        "letter": ["b", None, "a", "b", "b"],
        "instant": pa.array([dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC)] * 5),
        "truth": [True, False, None, True, True],
        "nothing": pa.array([None] * 5, pa.float64()),
    }
)


def features(table):
    (dataset,) = statistics_of(table, "toy").datasets
    assert dataset.name == "toy"
    return dataset.num_examples, {f.path.step[0]: f for f in dataset.features}


def test_numbers_are_counted_without_the_missing_ones():
    rows, found = features(TABLE)
    number = found["number"].num_stats
    assert rows == 5
    assert (number.common_stats.num_non_missing, number.common_stats.num_missing) == (3, 2)
    assert (number.min, number.max, number.num_zeros, number.median) == (0, 4, 1, 1)
    assert number.mean == pytest.approx(5 / 3)
    # Sum of squares 17 over 3, minus 25/9.
    assert number.std_dev == pytest.approx((17 / 3 - 25 / 9) ** 0.5)


def test_every_type_has_its_kind():
    _, found = features(TABLE)
    named = {name: feature.Type.Name(feature.type) for name, feature in found.items()}
    assert named == {
        "number": "FLOAT",
        "whole": "INT",
        "letter": "STRING",
        "instant": "INT",
        "truth": "INT",
        "nothing": "FLOAT",
    }
    assert found["instant"].num_stats.min == 60
    assert found["truth"].num_stats.mean == 0.75
    assert found["nothing"].num_stats.common_stats.num_missing == 5


def test_categories_are_counted():
    _, found = features(TABLE)
    letter = found["letter"].string_stats
    assert letter.unique == 2
    assert [(v.value, v.frequency) for v in letter.top_values] == [("b", 3), ("a", 1)]
    assert letter.common_stats.num_missing == 1
    assert [(b.label, b.sample_count) for b in letter.rank_histogram.buckets] == [
        ("b", 3),
        ("a", 1),
    ]


def test_a_missing_value_is_a_missing_list_not_an_empty_one():
    (batch,) = record_batches(TABLE)
    assert batch.column("number").to_pylist() == [[1.0], None, [0.0], [4.0], None]
    assert batch.column("instant").to_pylist() == [[60]] * 5


def test_batches_add_up():
    random = np.random.default_rng(3)
    table = pa.table({"x": random.normal(size=1000)})
    assert [b.num_rows for b in record_batches(table, 300)] == [300, 300, 300, 100]
    joined = [v for b in record_batches(table, 300) for v in b.column("x").flatten().to_pylist()]
    assert joined == table["x"].to_pylist()


def test_chunks_make_no_difference():
    whole = statistics_of(TABLE)
    halves = statistics_of(pa.concat_tables([TABLE.slice(0, 2), TABLE.slice(2)]))
    assert halves.SerializeToString(deterministic=True) == whole.SerializeToString(
        deterministic=True
    )


def test_a_table_without_rows_has_statistics():
    rows, found = features(TABLE.slice(0, 0))
    assert (rows, found) == (0, {})


def test_files_hold_what_was_written(tmp_path):
    made = statistics_of(TABLE, "toy")
    write_statistics(made, tmp_path / "deep" / "toy.pb")
    written = (tmp_path / "deep" / "toy.pb").read_bytes()
    assert statistics_pb2.DatasetFeatureStatisticsList.FromString(written) == made


PROGRAM = """
import sys
from components.data.schema.tfdv import kernels
kernels()
assert not [m for m in sys.modules if m.startswith("tensorflow.")], "TensorFlow was loaded"
import farmhash, tensorflow
try:
    farmhash.fingerprint64("x")
except NotImplementedError as error:
    print(error)
print(tensorflow.constant([1, 2]).shape.rank)
"""


def test_tensorflow_is_loaded_when_used_and_not_before():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "farmhash.fingerprint64 is not installed on purpose"
    assert done.stdout.split("\n")[1] == "1"
