"""The examples of a small history: every number below was worked out by hand from the sources."""

import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prepare_factories import BIKES, DAYS, SPEC, WEATHER, at, plan_of, rides, weather, write

from components.core.artifacts import LINEAGE, Lineage
from components.core.digest import digest_file, digest_folder
from components.core.errors import InputError
from components.core.plan import PLAN
from components.core.spans import format_instant
from components.data.prepare.run import prepare


@pytest.fixture
def sources(tmp_path):
    write(tmp_path, DAYS, WEATHER, BIKES)
    return tmp_path


def run(folder, name="out", as_of="2024-01-04", **changed):
    plan = plan_of(folder, as_of, **changed)
    plan.write(folder / name / "plan" / PLAN)
    prepare(folder / name / "plan", folder / name / "examples")
    return folder / name / "examples"


def test_examples_hold_what_was_known_beside_each(sources):
    table = pq.read_table(run(sources) / "train" / "2024-01-01.parquet")
    # Ride 5: 99 degrees are refused, so the row of 06:30 is joined and has no value; it was not
    # published before 07:30 either way. Ride 1 and 2 at 08:30: the row of 07:00 was published at
    # 08:00, the one of 08:00 not yet. Ride 4 at 11:01: 08:00 is 3 h 1 min old, too old.
    assert table.to_pydict() == {
        "ride": [5, 1, 2, 4],
        "at": [at("01 07:30"), at("01 08:30"), at("01 08:30"), at("01 11:01")],
        "place": ["dale", "hill", "hill", "hill"],
        "km": [5.0, 1.0, 2.0, None],
        "weather_temp": [None, 7.0, 7.0, None],
        "bikes_gears": [3.0, 21.0, 3.0, None],
        "late": [1, 0, 1, 0],
    }


def test_types_are_those_of_the_contract(sources):
    schema = pq.read_schema(run(sources) / "train" / "2024-01-01.parquet")
    assert schema.field("ride").type == pa.int64()
    assert schema.field("at").type == pa.timestamp("us", "UTC")
    assert schema.field("place").type == pa.string()
    assert schema.field("km").type == pa.float64()
    assert schema.field("late").type == pa.int8()


def test_lineage_counts_everything(sources):
    lineage = Lineage.read(run(sources) / LINEAGE)
    first = lineage.spans[0]
    assert (first.rows, first.due, first.labelled, first.positives) == (5, 5, 4, 2)
    assert (first.duplicates, first.keyless, first.outside) == (1, 2, 1)
    # Ride 3 at 11:00 has the row of 08:00, exactly 3 h old; green is no bike and null is none.
    assert first.joined == {"weather": 4, "bikes": 3}
    assert first.refused == {"weather.temp > 50": 1, "km < 0": 1}
    # On 3 January the ride of 20:00 is not due before 02:00 of the next day.
    last = lineage.spans[2]
    assert (last.rows, last.due, last.labelled) == (2, 1, 1)
    assert lineage.splits == {"train": 4, "recent": 1, "reference": 1}
    assert format_instant(lineage.newest) == "2024-01-03T20:00:00Z"


def test_lineage_names_the_sources(sources):
    lineage = Lineage.read(run(sources) / LINEAGE)
    read = {source.uri.rpartition("/")[2]: source for source in lineage.sources}
    assert [*read] == [
        "2024-01-01.parquet",
        "2024-01-02.parquet",
        "2024-01-03.parquet",
        "bikes.parquet",
        "weather.parquet",
    ]
    file = sources / "weather.parquet"
    told = read["weather.parquet"]
    assert (told.rows, told.bytes, told.digest) == (8, file.stat().st_size, digest_file(file))
    assert (told.origin, told.licence) == ("a window", "none")
    rides = read["2024-01-01.parquet"]
    assert (rides.origin, rides.licence) == ("a hire shop", "ours")
    states = {state.name: state for state in lineage.external}
    assert format_instant(states["weather"].newest) == "2024-01-03T10:00:00Z"
    assert states["bikes"].newest is None
    # Two red bikes: the first is joined, the other is counted.
    assert states["bikes"].duplicates == 1
    assert [state.future_rows for state in lineage.external] == [0, 0]


def test_nothing_newer_than_as_of_is_used(sources):
    examples = run(sources, as_of="2024-01-02T15:00:00Z")
    lineage = Lineage.read(examples / LINEAGE)
    # The ride of 2 January, 12:00, is there, but its label is known at 18:00 only.
    assert [(s.rows, s.due, s.labelled) for s in lineage.spans] == [(5, 5, 4), (1, 0, 0)]
    assert lineage.splits == {"train": 4, "recent": 0, "reference": 0}
    weather = next(s for s in lineage.external if s.name == "weather")
    assert weather.newest is not None
    assert format_instant(weather.newest) == "2024-01-02T10:00:00Z"
    assert not (examples / "recent").exists()


def test_a_label_is_known_from_its_instant_on(sources):
    late = run(sources, "late", as_of="2024-01-02T18:00:00Z")
    assert Lineage.read(late / LINEAGE).spans[1].labelled == 1


def test_the_same_plan_gives_the_same_bytes(sources):
    first = digest_folder(run(sources, "first"))
    for cached in (sources / "cache").iterdir():
        cached.unlink()
    assert digest_folder(run(sources, "second")) == first
    # The third run reuses every span, and nobody can tell.
    assert digest_folder(run(sources, "third")) == first


def test_the_order_of_a_file_does_not_matter(sources):
    before = run(sources, "before")
    table = DAYS["2024-01-01"]
    reverse = table.take(pa.array(range(table.num_rows))[::-1])
    pq.write_table(reverse, sources / "rides" / "2024-01-01.parquet")
    after = run(sources, "after")
    read = [pq.read_table(e / "train" / "2024-01-01.parquet").to_pylist() for e in (before, after)]
    # All but which of two rows with one key comes first in the file.
    assert [row for row in read[0] if row["ride"] != 1] == [r for r in read[1] if r["ride"] != 1]


def reused(folder, name, caplog, **changed):
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="components.data.prepare.run"):
        run(folder, name, **changed)
    return int(caplog.messages[-1].split()[-2])


def test_a_span_is_prepared_again_only_if_its_inputs_changed(sources, caplog):
    assert reused(sources, "a", caplog) == 0
    assert reused(sources, "b", caplog) == 3
    # 4 January has no influence on the days before it, and 3 January is settled by 5 January.
    write(sources, {**DAYS, "2024-01-04": rides([])}, WEATHER, BIKES)
    assert reused(sources, "c", caplog, as_of="2024-01-05") == 2
    assert reused(sources, "d", caplog, as_of="2024-01-05") == 4
    # A row of weather of 2 January, 11:00, can be joined on 2 January alone.
    more = weather([("hill", at("02 11:00"), 12.0)])
    write(sources, DAYS, pa.concat_tables([WEATHER, more]), BIKES)
    assert reused(sources, "e", caplog, as_of="2024-01-05") == 3
    # Another file of 1 January.
    write(sources, {"2024-01-01": DAYS["2024-01-01"].slice(1)}, WEATHER, BIKES)
    assert reused(sources, "f", caplog, as_of="2024-01-05") == 3
    # Another rule concerns every span.
    text = SPEC.replace("km < 0", "km < 2")
    assert reused(sources, "g", caplog, as_of="2024-01-05", text=text) == 0


def test_a_broken_cached_span_is_prepared_again(sources, caplog):
    before = digest_folder(run(sources, "before"))
    for cached in (sources / "cache").iterdir():
        cached.write_bytes(cached.read_bytes()[:100])
    assert reused(sources, "again", caplog) == 0
    assert digest_folder(sources / "again" / "examples") == before


def test_one_file_is_cut_by_time(sources):
    whole = pa.concat_tables(DAYS.values())
    pq.write_table(whole, sources / "all.parquet")
    text = SPEC.replace("uri: {folder}/rides/{{day}}.parquet", "uri: {folder}/all.parquet")
    text = text.replace("known_later:", "start: '2024-01-01'\n    known_later:")
    one = Lineage.read(run(sources, "one", text=text) / LINEAGE)
    many = Lineage.read(run(sources, "many") / LINEAGE)
    # Ride 7 of 2 January stood in the file of 1 January; here it finds its own day.
    assert [s.rows for s in one.spans] == [5, 2, 2]
    assert [s.rows for s in many.spans] == [5, 1, 2]
    assert [s.keyless for s in one.spans] == [2, 0, 0]
    assert [s.outside for s in one.spans] == [0, 0, 0]
    assert [s.rows for s in one.sources if s.uri.endswith("all.parquet")] == [12]


def test_a_missing_column_is_named_with_the_nearest(sources):
    table = DAYS["2024-01-02"].rename_columns(
        ["ride", "at", "place", "bike", "kms", "minutes", "never read"]
    )
    pq.write_table(table, sources / "rides" / "2024-01-02.parquet")
    with pytest.raises(InputError, match=r"2024-01-02.parquet: column: given 'km'.*'kms'"):
        run(sources)


def test_a_missing_file_is_named(sources):
    (sources / "rides" / "2024-01-02.parquet").unlink()
    with pytest.raises(InputError, match=r"2024-01-02.parquet"):
        run(sources)


def test_a_column_of_another_kind_is_refused(sources):
    table = DAYS["2024-01-02"].set_column(4, "km", pa.array(["far"]))
    pq.write_table(table, sources / "rides" / "2024-01-02.parquet")
    with pytest.raises(InputError, match=r"2024-01-02.parquet: km: .* holds a number"):
        run(sources)


def test_a_label_named_like_a_column_is_refused(sources):
    with pytest.raises(InputError, match=r"label.name"):
        run(sources, text=SPEC.replace("name: late", "name: km"))


@pytest.mark.parametrize(("form", "type_"), [("gap", pa.int64()), ("text", pa.string())])
def test_every_span_has_the_keys_in_one_type(sources, form, type_):
    """Pandas makes doubles of whole numbers where one is missing; a source moves to texts."""
    file = sources / "rides/2024-01-02.parquet"
    table = pq.read_table(file)
    ride = table["ride"].cast(pa.float64() if form == "gap" else pa.string())
    pq.write_table(table.set_column(0, "ride", ride), file)
    before = Lineage.read(run(sources, "before", as_of="2024-01-02") / LINEAGE)
    examples = run(sources)
    files = sorted(examples.rglob("*.parquet"))
    assert {pq.read_schema(one).field("ride").type for one in files} == {type_}
    assert len(files) > 2
    assert Lineage.read(examples / LINEAGE).spans[0] == before.spans[0]


def test_a_span_may_be_a_folder_of_part_files(sources):
    whole = run(sources, "whole")
    file = sources / "rides/2024-01-01.parquet"
    table = pq.read_table(file)
    file.unlink()
    file.mkdir()
    (file / "_SUCCESS").touch()
    for part, rows in enumerate((table[:3], table[3:])):
        pq.write_table(rows, file / f"part-0000{part}.parquet")
    parts = run(sources, "parts")
    assert digest_folder(parts, [LINEAGE]) == digest_folder(whole, [LINEAGE])
    read = Lineage.read(parts / LINEAGE).sources[0]
    assert (read.rows, read.bytes > 0) == (table.num_rows, True)
