"""Joins in time against a second formula: one row after the other, in plain Python."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from components.core.errors import InputError
from components.data.tables.joins import (
    asof_join,
    factorize,
    is_first,
    key_columns,
    leaked_rows,
    lookup_join,
)


def us(microseconds):
    return None if microseconds is None else timedelta(microseconds=microseconds)


def brute_force(keys, times, source_keys, source_times, known_after, max_age):
    """The newest row that was known, found one by one; the later in the source on ties."""
    found = []
    for key, time in zip(zip(*keys, strict=True), times, strict=True):
        best = -1
        for row, (other, seen) in enumerate(
            zip(zip(*source_keys, strict=True), source_times, strict=True)
        ):
            known = None not in key and key == other and seen + known_after <= time
            if known and (best < 0 or seen >= source_times[best]):
                best = row
        if best >= 0 and max_age is not None and time - source_times[best] > max_age:
            best = -1
        found.append(best)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_random_tables_agree_with_brute_force(seed):
    """Null keys, ties, rows that are not known yet, rows that are too old, and empty tables."""
    random = np.random.default_rng(seed)
    known_after = int(random.choice([0, 3, 20]))
    max_age = [None, 0, 5, 50][random.integers(4)]

    def table(rows):
        letters = [[*"ab", None][i] for i in random.integers(0, 3, rows)]
        numbers = [[1, 2, None][i] for i in random.integers(0, 3, rows)]
        return (letters, numbers), random.integers(-20, 40, rows)

    sizes = random.choice([0, 1, 7, 60], 2, p=[0.1, 0.1, 0.2, 0.6])
    (keys, times), (source_keys, source_times) = (table(int(rows)) for rows in sizes)
    columns = [
        [pa.array(letters, pa.string()), pa.array(numbers, pa.int64())]
        for letters, numbers in (keys, source_keys)
    ]
    found = asof_join(columns[0], times, columns[1], source_times, us(known_after), us(max_age))
    expected = brute_force(keys, times, source_keys, source_times, known_after, max_age)
    assert found.tolist() == expected
    assert leaked_rows(times, source_times, found, us(known_after)) == 0
    # Whatever the order of the examples, each finds the same row.
    order = random.permutation(len(times))
    shuffled = [column.take(pa.array(order)) for column in columns[0]]
    again = asof_join(
        shuffled, times[order], columns[1], source_times, us(known_after), us(max_age)
    )
    assert again.tolist() == found[order].tolist()


def test_the_random_tables_join_something():
    random = np.random.default_rng(1)
    key, times = pa.array(random.choice([*"ab"], 50)), random.integers(0, 40, 50)
    found = asof_join([key], times, [key], times, us(3), us(9))
    assert (found >= 0).any()
    assert (found < 0).any()


@pytest.mark.parametrize(
    ("time", "row"),
    [(9, -1), (10, 0), (14, 0), (15, -1), (19, -1), (20, 2), (24, 2), (25, -1), (30, 3), (35, -1)],
)
def test_instants_at_the_bounds(time, row):
    # Rows of 5, 15, 15 and 25, each known 5 later and too old when it is more than 9 old.
    key, source = [pa.array(["x"])], [pa.array(["x"] * 4)]
    seen = np.array([5, 15, 15, 25])
    assert asof_join(key, np.array([time]), source, seen, us(5), us(9)) == [row]


def test_an_empty_source_joins_nothing():
    empty, times = pa.array([], pa.string()), np.array([], np.int64)
    keys = [pa.array(["x", None])]
    found = asof_join(keys, np.array([1, 2]), [empty], times, us(0), None)
    assert found.tolist() == [-1] * 2
    assert lookup_join(keys, [empty]).tolist() == [-1, -1]


def test_a_row_of_the_future_is_counted_whatever_joined_it():
    times, seen = np.array([10, 10, 10, 10]), np.array([9, 10, 11])
    assert leaked_rows(times, seen, np.array([0, 1, 2, -1]), us(0)) == 1
    assert leaked_rows(times, seen, np.array([0, 1, 2, -1]), us(1)) == 2


def test_of_a_static_table_the_first_row_is_joined():
    keys = [pa.array(["b", "a", None, "z"])]
    source = [pa.array(["a", "b", "b", None, None])]
    assert lookup_join(keys, source).tolist() == [1, 0, -1, -1]
    assert is_first(source).tolist() == [True, True, False, True, True]


def test_keys_of_several_columns_are_not_concatenated():
    one, other = factorize(
        [pa.array(["a", "ab", "a"]), pa.array(["bc", "c", None])],
        [pa.array(["ab", "a"]), pa.array(["c", "bc"])],
    )
    assert one[0] == other[1]
    assert one[1] == other[0]
    assert one[0] != one[1]
    assert one[2] == -1


def test_many_columns_do_not_run_out_of_bits():
    random = np.random.default_rng(7)
    columns = [random.integers(0, 1000, 2000) for _ in range(9)]
    (codes,) = factorize([pa.array(column) for column in columns])
    assert len(np.unique(codes)) == len(set(zip(*columns, strict=True)))


def test_a_key_is_cast_to_the_examples_type():
    like = pa.table({"k": pa.array([7], pa.int64())})
    assert key_columns(pa.table({"k": ["7"]}), like, ["k"], "s")[0].to_pylist() == [7]
    with pytest.raises(InputError, match=r"data.external.s.on: k"):
        key_columns(pa.table({"k": ["x"]}), like, ["k"], "s")
