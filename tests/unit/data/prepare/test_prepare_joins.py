"""Joins in time against a second formula: one row after the other, in plain Python."""

import numpy as np
import pyarrow as pa
import pytest

from components.core.errors import InputError
from components.data.prepare.joins import (
    TimeRule,
    first_match,
    key_columns,
    newest_known,
    repeated_keys,
    rows_from_future,
)
from components.data.prepare.keys import codes_of


def by_hand(keys, times, source_keys, source_times, rule):
    """The newest row that was known, looked for one by one; the later in the source on ties."""
    found = []
    for key, time in zip(zip(*keys, strict=True), times, strict=True):
        best = -1
        for row, (other, seen) in enumerate(
            zip(zip(*source_keys, strict=True), source_times, strict=True)
        ):
            known = None not in key and key == other and seen + rule.known_after_us <= time
            if known and (best < 0 or seen >= source_times[best]):
                best = row
        is_old = best >= 0 and rule.max_age_us is not None
        if is_old and time - source_times[best] > rule.max_age_us:
            best = -1
        found.append(best)
    return found


@pytest.mark.parametrize("known_after_us", [0, 3])
@pytest.mark.parametrize("max_age_us", [None, 0, 5, 50])
@pytest.mark.parametrize("seed", range(4))
def test_random_tables_agree_with_the_second_formula(seed, known_after_us, max_age_us):
    random = np.random.default_rng(seed)

    def table(rows):
        letters = [[*"ab", None][i] for i in random.integers(0, 3, rows)]
        numbers = [[1, 2, None][i] for i in random.integers(0, 3, rows)]
        return letters, numbers, random.integers(-20, 40, rows)

    (*keys, times), (*source_keys, source_times) = table(60), table(45)
    rule = TimeRule(known_after_us, max_age_us)
    arrow = [[pa.array(k) for k in both] for both in (keys, source_keys)]
    found = newest_known(arrow[0], times, arrow[1], source_times, rule)
    assert found.tolist() == by_hand(keys, times, source_keys, source_times, rule)
    assert (found >= 0).any() or max_age_us == 0
    assert rows_from_future(times, source_times, found, known_after_us) == 0


@pytest.mark.parametrize(
    ("time", "row"),
    [(9, -1), (10, 0), (14, 0), (15, -1), (19, -1), (20, 2), (24, 2), (25, -1), (30, 3), (35, -1)],
)
def test_instants_that_touch(time, row):
    # Rows of 5, 15, 15 and 25, each known 5 later and too old when it is more than 9 old.
    key, source = [pa.array(["x"])], [pa.array(["x"] * 4)]
    seen = np.array([5, 15, 15, 25])
    assert newest_known(key, np.array([time]), source, seen, TimeRule(5, 9)) == [row]


def test_an_empty_source_joins_nothing():
    empty = pa.array([], pa.string())
    none = np.array([], np.int64)
    keys = [pa.array(["x", None])]
    assert (
        newest_known(keys, np.array([1, 2]), [empty], none, TimeRule(0, None)).tolist() == [-1] * 2
    )
    assert first_match(keys, [empty]).tolist() == [-1, -1]


def test_a_row_of_the_future_is_counted_whoever_joined_it():
    times, seen = np.array([10, 10, 10, 10]), np.array([9, 10, 11])
    assert rows_from_future(times, seen, np.array([0, 1, 2, -1]), 0) == 1
    assert rows_from_future(times, seen, np.array([0, 1, 2, -1]), 1) == 2


def test_of_a_static_table_the_first_row_is_joined():
    keys = [pa.array(["b", "a", None, "z"])]
    source = [pa.array(["a", "b", "b", None])]
    assert first_match(keys, source).tolist() == [1, 0, -1, -1]
    assert repeated_keys(source) == 1


def test_keys_of_several_columns_are_not_run_together():
    one, other = codes_of(
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
    (codes,) = codes_of([pa.array(column) for column in columns])
    assert len(np.unique(codes)) == len(set(zip(*columns, strict=True)))


def test_a_key_is_brought_to_the_examples_type():
    like = pa.table({"k": pa.array([7], pa.int64())})
    assert key_columns(pa.table({"k": ["7"]}), like, ["k"], "s")[0].to_pylist() == [7]
    with pytest.raises(InputError, match=r"data.external.s.on: k"):
        key_columns(pa.table({"k": ["x"]}), like, ["k"], "s")
