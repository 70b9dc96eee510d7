import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serve_process import until

from components.core import storage
from components.model.saved_model import Predictions
from components.model.serve.input_schema import InputColumns, InputSchema
from components.model.serve.prediction_log import LogSchema, PredictionLog, PredictionRecord

SCHEMA = InputSchema(
    kinds={"a": "number", "c": "category", "t": "timestamp"},
    passthrough={"id": "key", "seen": "timestamp"},
    key=("c", "id"),
    max_rows=100,
)
LOG_SCHEMA = LogSchema("m", "2/1", SCHEMA, ("c", "id", "seen", "a", "t"))
HOUR_US = 3_600_000_000
FIRST_HOUR = 1372636800 * 1_000_000  # 2013-07-01T00


class Count:
    def __init__(self):
        self.rows = 0

    def inc(self, amount):
        self.rows += amount


def record(name, rows=2, logged_at_us=FIRST_HOUR, **passthrough):
    return PredictionRecord(
        name,
        logged_at_us,
        1.5,
        InputColumns(
            rows,
            np.array([[0.5] + [np.nan] * (rows - 1)]),
            np.array([["x"] + [""] * (rows - 1)], dtype=object),
            np.full((1, rows), 60_000_000),
            passthrough,
        ),
        Predictions(np.full(rows, 0.25, np.float32), np.ones(rows, np.int64)),
    )


@pytest.fixture
def counts():
    return Count(), Count()


def opened(folder, counts, write=storage.write_bytes, **options):
    told = (count.inc for count in counts)
    return PredictionLog(str(folder), LOG_SCHEMA, write, *told, **options)


def test_files_go_by_the_hour_of_logging(tmp_path, counts):
    log = opened(tmp_path, counts, flush_s=60)
    for hour in (0, 0, 1, 25):
        log.put(record(f"r{hour}", logged_at_us=FIRST_HOUR + hour * HOUR_US + HOUR_US - 1))
    assert log.close(10) == 0
    rows = {f.parent.name: pq.ParquetFile(f).metadata.num_rows for f in tmp_path.glob("*/*")}
    assert rows == {"2013-07-01T00": 4, "2013-07-01T01": 2, "2013-07-02T01": 2}
    assert all(f.name.startswith("2-1-") and f.suffix == ".parquet" for f in tmp_path.glob("*/*"))
    assert (counts[0].rows, counts[1].rows) == (8, 0)


def test_a_table_has_null_where_a_value_is_missing():
    seen = pa.array([5, None]).cast(pa.timestamp("us", tz="UTC"))
    table = LOG_SCHEMA.table([record("r", seen=seen, id=pa.array([1, 2])), record("s")])
    assert table["request_id"].to_pylist() == ["r", "r", "s", "s"]
    assert table["row"].to_pylist() == [0, 1, 0, 1]
    assert table["a"].to_pylist() == [0.5, None] * 2
    assert table["c"].to_pylist() == ["x", None] * 2
    assert table["id"].to_pylist() == [1, 2, None, None]
    assert table["id"].type == pa.int64()
    assert table["seen"].cast(pa.int64()).to_pylist() == [5, None, None, None]


def test_clients_that_disagree_on_a_keys_type_lose_no_row():
    table = LOG_SCHEMA.table(
        [record("r", id=pa.array([1, 2])), record("s", id=pa.array(["a", None])), record("t")]
    )
    assert table["id"].to_pylist() == ["1", "2", "a", None, None, None]
    assert table["id"].type == pa.string()


def test_a_slow_disk_blocks_nobody_and_what_has_no_room_is_counted(tmp_path, counts):
    entered, release = threading.Event(), threading.Event()

    def slow(uri, content):
        entered.set()
        assert release.wait(20)
        storage.write_bytes(uri, content)

    log = opened(tmp_path, counts, slow, max_rows=10, flush_rows=4, flush_s=60)
    log.put(record("a", rows=4))
    assert entered.wait(10)
    for name in "bcd":
        log.put(record(name, rows=3))  # 4 being written and two of these have room
    assert counts[1].rows == 3
    release.set()
    assert log.close(10) == 0
    assert (counts[0].rows, counts[1].rows) == (10, 3)


def test_a_disk_that_never_answers_does_not_keep_the_server(tmp_path, counts):
    forever = threading.Event()
    log = opened(tmp_path, counts, lambda *_: forever.wait(30), flush_rows=1, flush_s=60)
    log.put(record("a", rows=3))
    assert log.close(0.2) == 3
    assert counts[1].rows == 3
    log.put(record("late"))
    assert counts[1].rows == 5
    forever.set()


def test_a_failing_write_is_counted_and_the_next_is_tried(tmp_path, counts):
    failures = [RuntimeError("a store's own error"), OSError(28, "No space left on device")]

    def failing(uri, content):
        if failures:
            raise failures.pop()
        storage.write_bytes(uri, content)

    log = opened(tmp_path, counts, failing, flush_rows=1, flush_s=60)
    for total in (2, 4, 6):
        log.put(record("r"))
        until(lambda total=total: counts[0].rows + counts[1].rows == total)
    assert log.close(10) == 0
    assert (counts[0].rows, counts[1].rows) == (2, 4)


def test_memory_is_given_back(tmp_path, counts):
    log = opened(tmp_path, counts, max_rows=4, flush_rows=1, flush_s=60)
    for total in range(2, 20, 2):
        log.put(record("r"))
        until(lambda total=total: counts[0].rows == total)
    assert log.close(10) == 0
    assert counts[1].rows == 0
