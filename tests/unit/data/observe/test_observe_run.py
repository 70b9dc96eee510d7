"""Observing a window, on real files."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from observe_factories import (
    HOUR,
    MIDNIGHT,
    log_schema,
    logged,
    make_plan,
    write_log,
    write_plan,
    write_shop,
)

from components.core.artifacts import BEFORE, COVERAGE, LABELLED, OBSERVED
from components.core.errors import InputError
from components.core.spans import format_instant
from components.data.observe.run import observe
from components.data.tables.observations import Coverage

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path):
    """The second day has a sale, a visit without one, one without an answer, and one too new."""
    write_shop(tmp_path, "2024-03-01", [("ann", 1, MIDNIGHT - DAY + HOUR, 20.0)])
    write_shop(
        tmp_path,
        "2024-03-02",
        [
            ("ann", 2, MIDNIGHT + HOUR, 11.0),
            ("bob", 1, MIDNIGHT + 2 * HOUR, 10.0),
            ("cat", 1, MIDNIGHT + 3 * HOUR, None),
            ("dan", 1, MIDNIGHT + 23 * HOUR, 99.0),
        ],
    )
    return tmp_path


def run(root, **changes):
    plan = make_plan(root, **changes)
    coverage = observe(write_plan(plan, root), root / "out")
    assert Coverage.read(root / "out" / COVERAGE) == coverage
    return pq.read_table(root / "out" / OBSERVED), coverage


def test_a_label_is_joined_by_key_when_it_is_known(shop):
    at = {"ann": 1, "bob": 2, "cat": 3, "dan": 23}
    visits = {"ann": 2, "bob": 1, "cat": 1, "dan": 1}
    rows = [logged(c, visits[c], MIDNIGHT + h * HOUR) for c, h in at.items()]
    write_log(shop, "2024-03-02T05/v1-a.parquet", [*rows, logged("eve", 1, MIDNIGHT + 4 * HOUR)])

    observed, coverage = run(shop)

    found = {
        r["customer"]: (r["bought"], r["due"])
        for r in observed.select(["customer", "bought", "due"]).to_pylist()
    }
    # dan's label is known an hour after as_of; eve is in no table; 10 is not greater than 10.
    assert found == {
        "ann": (1, True),
        "bob": (0, True),
        "cat": (None, True),
        "dan": (None, False),
        "eve": (None, True),
    }
    assert observed.column_names == [*log_schema().names, "bought", "due"]
    assert observed.schema.field("bought").type == pa.int8()
    watch = coverage.watch
    assert (watch.rows, watch.due, watch.labelled) == (5, 4, 2)
    assert format_instant(coverage.newest) == "2024-03-02T23:00:00Z"


def test_a_label_that_is_known_exactly_at_as_of_counts(shop):
    write_log(shop, "h/v1-a.parquet", [logged("dan", 1, MIDNIGHT + 23 * HOUR)])
    assert run(shop, known_after="1h")[0]["bought"].to_pylist() == [1]
    assert run(shop, known_after="2h")[0]["bought"].to_pylist() == [None]


def test_windows_hold_their_start_and_not_their_end(shop):
    times = [MIDNIGHT - DAY, MIDNIGHT - timedelta(microseconds=1), MIDNIGHT, MIDNIGHT + DAY]
    write_log(shop, "h/v1-a.parquet", [logged("x", i, t) for i, t in enumerate(times)])
    observed, coverage = run(shop)
    before = pq.read_table(shop / "out" / BEFORE)
    assert observed["visit"].to_pylist() == [2]
    assert before["visit"].to_pylist() == [0, 1]
    assert coverage.before.rows == 2


def test_the_first_prediction_of_each_version_is_kept(shop):
    at = MIDNIGHT + HOUR
    again = [
        logged("ann", 2, at, request_id="late", logged_at=at + 2 * HOUR, probability=0.9),
        logged("ann", 2, at, request_id="first", logged_at=at, probability=0.1),
        logged("ann", 2, at, request_id="canary", logged_at=at + HOUR, version="v2"),
        logged("ann", 2, at, request_id="first", row=1, logged_at=at, probability=0.3),
    ]
    write_log(shop, "h/v1-a.parquet", again)
    observed, coverage = run(shop)
    kept = observed.select(["version", "request_id", "probability"]).to_pylist()
    assert [tuple(r.values()) for r in kept] == [("v1", "first", 0.1), ("v2", "canary", 0.5)]
    assert coverage.watch.repeated == 2
    assert coverage.watch.versions == {"v1": 1, "v2": 1}


def test_rows_without_a_key_are_all_kept_and_counted(shop):
    at = MIDNIGHT + HOUR
    rows = [logged(None, 2, at), logged(None, 2, at), logged("ann", None, at), logged("ann", 2, at)]
    write_log(shop, "h/v1-a.parquet", rows)
    observed, coverage = run(shop)
    assert observed["bought"].null_count == 3
    assert (coverage.watch.rows, coverage.watch.keyless, coverage.watch.repeated) == (4, 3, 0)


def test_what_cannot_be_read_is_counted_and_does_not_stop_the_step(shop):
    write_log(shop, "h/v1-a.parquet", [logged("ann", 2, MIDNIGHT + HOUR), logged("b", 1, None)])
    (shop / "log/h/v1-cut.parquet").write_bytes(b"PAR1 and then the disk was full")
    (shop / "log/h/v1-empty.parquet").write_bytes(b"")
    (shop / "log/h/v1-b.parquet.part").write_bytes(b"still being written")
    _, coverage = run(shop)
    assert coverage.unreadable == ("h/v1-cut.parquet", "h/v1-empty.parquet")
    assert (coverage.watch.rows, coverage.timeless) == (1, 1)


@pytest.mark.parametrize(("late", "same"), [(0, "watch"), (1, "before")])
def test_a_window_is_not_stored_twice(shop, late, same):
    write_log(shop, "h/v1-a.parquet", [logged("ann", 1, MIDNIGHT - DAY + HOUR)])
    (shop / "out").mkdir()
    (shop / "out" / LABELLED).write_bytes(b"of a run before")
    _, coverage = run(shop, late=late)
    assert coverage.labelled == getattr(coverage, same)
    assert sorted(f.name for f in (shop / "out").iterdir()) == sorted((OBSERVED, BEFORE, COVERAGE))


def test_labels_that_come_late_are_joined_in_an_earlier_window(shop):
    """Labels take three days, so those of 2024-02-28 are judged on 2024-03-03."""
    early = MIDNIGHT - 2 * DAY
    write_shop(
        shop,
        "2024-02-28",
        [("eve", 1, early - HOUR, 99.0), ("fay", 1, early - 3 * HOUR, 10.0)],
    )
    write_shop(shop, "2024-02-29", [("gus", 1, early, 99.0)])
    visits = {"eve": early - HOUR, "fay": early - 3 * HOUR, "gus": early, "ann": MIDNIGHT}
    rows = [logged(c, 1, at) for c, at in visits.items()]
    write_log(shop, "h/v0-a.parquet", rows)
    again = logged("eve", 1, early - HOUR, request_id="again", logged_at=early)
    write_log(shop, "h/v0-b.parquet", [again, logged("ann", 1, MIDNIGHT - DAY)])
    observed, coverage = run(shop, known_after="3d", late=3)
    labelled = pq.read_table(shop / "out" / LABELLED)
    found = labelled.select(["customer", "bought", "due"]).to_pylist()
    assert [tuple(r.values()) for r in found] == [("fay", 0, True), ("eve", 1, True)]
    counted = coverage.labelled
    assert (counted.start, counted.end) == (MIDNIGHT - 3 * DAY, MIDNIGHT - 2 * DAY)
    assert (counted.rows, counted.due, counted.labelled, counted.repeated) == (2, 2, 2, 1)
    assert (coverage.watch.rows, coverage.watch.due) == (1, 0)
    assert observed["bought"].to_pylist() == [None]
    # Three rows of the 28th, one of each day after the 29th, which is not read.
    assert coverage.sources[0].rows == 5
    assert [source.uri[-18:-8] for source in coverage.sources[1:]] == [
        "2024-02-28",
        "2024-03-01",
        "2024-03-02",
    ]


def test_a_missing_log_is_an_empty_one(shop):
    observed, coverage = run(shop)
    assert observed.column_names == [*log_schema().names, "bought", "due"]
    assert (observed.num_rows, coverage.newest) == (0, None)
    assert (coverage.watch.empty_hours, coverage.watch.longest_silence_h) == (24, 24.0)


def test_silence_is_measured_if_both_windows_are_empty(shop):
    write_log(shop, "h/v1-a.parquet", [logged("ann", 0, MIDNIGHT - 5 * DAY)])
    assert format_instant(run(shop)[1].newest) == "2024-02-26T00:00:00Z"


def test_files_of_older_models_lack_columns_or_hold_other_numbers(shop):
    older = log_schema(visit=pa.float64(), amount=pa.int64()).remove(12)
    assert "colour" not in older.names
    row = logged("bob", 1.0, MIDNIGHT + 2 * HOUR, amount=3)
    del row["colour"]
    write_log(shop, "h/v0-a.parquet", [row], older)
    write_log(shop, "h/v1-a.parquet", [logged("ann", 2, MIDNIGHT + HOUR)])
    observed, _ = run(shop)
    found = observed.select(["customer", "amount", "colour", "bought"]).to_pylist()
    assert [tuple(r.values()) for r in found] == [("ann", 1.0, "red", 1), ("bob", 3.0, None, 0)]


def test_clients_that_disagree_on_the_type_of_a_key_mean_the_same_example(shop):
    write_log(shop, "h/v1-a.parquet", [logged("ann", 2, MIDNIGHT + HOUR, request_id="number")])
    texts = [
        logged("ann", "2", MIDNIGHT + HOUR, request_id="text", logged_at=MIDNIGHT + 2 * HOUR),
        logged("bob", "1", MIDNIGHT + 2 * HOUR),
        logged("bob", "one", MIDNIGHT + 3 * HOUR),
    ]
    write_log(shop, "h/v1-b.parquet", texts, log_schema(visit=pa.string()))
    observed, coverage = run(shop)
    found = observed.select(["customer", "visit", "bought"]).to_pylist()
    assert [tuple(r.values()) for r in found] == [("ann", 2, 1), ("bob", 1, 0), ("bob", None, None)]
    assert observed["request_id"][0].as_py() == "number"
    assert (coverage.watch.keyless, coverage.watch.repeated) == (1, 1)


def test_a_file_without_instants_has_rows_of_no_window(shop):
    rows = [logged("ann", 2, None), logged("bob", 1, None)]
    write_log(shop, "h/v1-a.parquet", rows, log_schema(seen_at=pa.null()))
    assert run(shop)[1].timeless == 2


def test_unknown_columns_of_different_types_become_strings(shop):
    wider = pa.schema([*log_schema(), pa.field("extra", pa.int64()), pa.field("also", pa.string())])
    other = pa.schema([*log_schema(), pa.field("extra", pa.string())])
    at = MIDNIGHT + HOUR
    write_log(shop, "h/v1-a.parquet", [logged("ann", 2, at, extra=7, also="x")], wider)
    write_log(shop, "h/v2-a.parquet", [logged("bob", 2, at + HOUR, extra="many")], other)
    observed, _ = run(shop)
    assert observed.column_names == [*log_schema().names, "also", "extra", "bought", "due"]
    assert observed["extra"].to_pylist() == ["7", "many"]
    assert observed["also"].to_pylist() == ["x", None]


def test_a_span_that_has_not_been_delivered_has_no_labels(shop):
    plan = make_plan(shop).model_copy(update={"spans": ("2024-03-01",)})
    write_log(shop, "h/v1-a.parquet", [logged("ann", 2, MIDNIGHT + HOUR)])
    coverage = observe(write_plan(plan, shop), shop / "out")
    assert (coverage.watch.due, coverage.watch.labelled) == (1, 0)
    assert [source.uri.rsplit("/", 1)[1] for source in coverage.sources] == [
        "log",
        "2024-03-01.parquet",
    ]


def test_same_files_give_same_bytes_in_whatever_order_they_were_written(shop):
    rows = [logged("ann", i, MIDNIGHT + HOUR, request_id=f"r{i}") for i in range(50)]
    write_log(shop, "h/v1-a.parquet", rows[:25])
    write_log(shop, "h/v1-b.parquet", rows[25:])
    run(shop)
    first = {f: (shop / "out" / f).read_bytes() for f in (OBSERVED, BEFORE, COVERAGE)}
    run(shop)
    assert first == {f: (shop / "out" / f).read_bytes() for f in first}
    write_log(shop, "h/v1-a.parquet", rows[::-2])
    write_log(shop, "h/v1-b.parquet", rows[::2])
    run(shop)
    assert first[OBSERVED] == (shop / "out" / OBSERVED).read_bytes()


def test_a_label_named_like_a_column_of_the_log_is_refused(shop):
    plan = make_plan(shop)
    label = plan.spec.label.model_copy(update={"name": "probability"})
    plan = plan.model_copy(update={"spec": plan.spec.model_copy(update={"label": label})})
    with pytest.raises(InputError, match=r"label\.name"):
        observe(write_plan(plan, shop), shop / "out")


def test_a_file_with_a_damaged_page_is_counted_as_unreadable(shop):
    rows = [logged("ann", 2, MIDNIGHT + HOUR)]
    write_log(shop, "h/v1-a.parquet", rows)
    file = write_log(shop, "h/v1-b.parquet", [logged("bob", 1, MIDNIGHT + 2 * HOUR)] * 50)
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    file.write_bytes(content)
    _, coverage = run(shop)
    assert coverage.unreadable == ("h/v1-b.parquet",)
    assert (coverage.watch.rows, coverage.timeless) == (1, 0)


def test_keys_and_categories_of_the_log_are_those_of_the_tables(shop):
    """The table has doubles with a gap and texts; the log has whole numbers, texts and NaN."""
    file = shop / "shop/2024-03-02.parquet"
    table = pq.read_table(file)
    visits = pa.array([2.0, 1.0, float("nan"), 1.0])
    pq.write_table(table.set_column(1, "visit", visits), file)
    rows = [logged("ann", "2", MIDNIGHT + HOUR, colour=float("nan"))]
    write_log(shop, "h/v1-a.parquet", rows, log_schema(visit=pa.string(), colour=pa.float64()))
    write_log(shop, "h/v1-b.parquet", [logged("", 1, MIDNIGHT + 2 * HOUR)])
    observed, coverage = run(shop)
    assert observed["visit"].to_pylist() == [2, 1]
    assert observed["colour"].to_pylist() == [None, "red"]
    assert observed["bought"].to_pylist() == [1, None]
    assert coverage.watch.keyless == 1
