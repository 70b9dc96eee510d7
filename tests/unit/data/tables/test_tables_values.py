"""Values keep their meaning, whatever file they come from."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from components.core.errors import InputError
from components.core.spec import External, FeatureKind
from components.data.tables.columns import INSTANT, cast_to_kind, common_key_type
from components.data.tables.sources import decide_types, fetch, parse

CATEGORY, NUMBER, TIMESTAMP = FeatureKind.CATEGORY, FeatureKind.NUMBER, FeatureKind.TIMESTAMP
NOON = dt.datetime(2024, 1, 14, 12, tzinfo=dt.UTC)
NAN = float("nan")


def source(uri, **fields):
    kind = "csv" if str(uri).endswith(".csv") else "parquet"
    return External(uri=str(uri), format=kind, on=["id"], **fields)


def table_of(uri, **fields):
    return fetch(str(uri), source(uri, **fields))


@pytest.fixture
def csv(tmp_path):
    def write(text, **fields):
        (tmp_path / "t.csv").write_text(text)
        return table_of(tmp_path / "t.csv", **fields)

    return write


@pytest.fixture
def parquet(tmp_path):
    def write(name="t.parquet", **columns):
        pq.write_table(pa.table(columns), tmp_path / name)
        return table_of(tmp_path / name)

    return write


WORDS = "id,country,store,price\nNA,NA,nan,NA\nNULL,DE,NULL,1.5\n,,,null\n"


def test_a_text_of_a_csv_is_missing_only_where_it_is_empty(csv):
    kinds = {"id": None, "country": CATEGORY, "store": CATEGORY, "price": NUMBER}
    assert parse(csv(WORDS), kinds).to_pydict() == {
        "id": ["NA", "NULL", None],
        "country": ["NA", "DE", None],
        "store": ["nan", "NULL", None],
        "price": [None, 1.5, None],
    }


def test_the_spec_says_which_words_are_missing(csv):
    table = csv('id,c\nNA,NA\nb,"NA"\nc,NULL\n', csv={"null_words": ["NA"]})
    found = parse(table, {"id": None, "c": CATEGORY}).to_pydict()
    assert found == {"id": [None, "b", "c"], "c": [None, "NA", "NULL"]}


def test_a_quoted_text_may_hold_line_breaks_of_any_number(csv):
    texts = [f"{i}\nof many, {'x' * 30}" for i in range(60_000)]  # more than a block of bytes
    found = parse(csv("c\n" + "".join(f'"{text}"\n' for text in texts)), {"c": CATEGORY})
    assert found["c"].to_pylist() == texts


def test_ids_of_twenty_digits_keep_every_digit(csv):
    ids = [str(89490101010020370000 + i) for i in range(4)]
    found = parse(csv("id\n" + "\n".join(ids)), {"id": None})
    assert found["id"].to_pylist() == ids


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["7", "-3"], [7, -3]),
        (["007", "8"], ["007", "8"]),
        (["101.0", ""], [101, None]),
        (["9223372036854775807"], [2**63 - 1]),
        (["9223372036854775808"], ["9223372036854775808"]),
        (["1.5", "2"], ["1.5", "2"]),
        (["2024-01-14"], [dt.date(2024, 1, 14)]),
        (["2024-01-14T12:00Z", "2024-01-14 12:00"], [NOON, NOON]),
        (["true"], ["true"]),
    ],
)
def test_a_key_of_a_csv_is_a_number_only_if_nothing_is_lost(csv, texts, wanted):
    lines = "".join(f"{text},x\n" for text in texts)
    assert parse(csv(f"id,x\n{lines}"), {"id": None})["id"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([2**64 - 1, None], pa.uint64()), [str(2**64 - 1), None]),
        (pa.array([Decimal(10**20 + 1)], pa.decimal128(21)), [str(10**20 + 1)]),
        (pa.array([Decimal(5)], pa.decimal128(9)), [5]),
        (pa.array([Decimal("5.00")], pa.decimal128(9, 2)), ["5"]),
        (pa.array(["a", ""], pa.large_string()), ["a", None]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([7], pa.uint8()), [7]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([b"\x01" * 16, None], pa.uuid()), ["01010101-0101-0101-0101-010101010101", None]),
        (pa.array([7.0, NAN]), [7.0, None]),
    ],
)
def test_a_key_of_parquet_keeps_every_digit(parquet, array, wanted):
    assert parse(parquet(id=array), {"id": None})["id"].to_pylist() == wanted


def test_nan_is_missing_in_a_category_and_in_a_key(parquet):
    table = parquet(id=[101.0, NAN, None], store=[101.0, NAN, 103.5])
    found = parse(table, {"id": pa.string(), "store": CATEGORY}).to_pydict()
    assert found == {"id": ["101", None, None], "store": ["101", None, "103.5"]}


INSTANTS = ["2024-01-14T12:00:00Z", "2024-01-14 14:00:00+02:00", "2024-01-14T12:00:00.000000000"]


@pytest.mark.parametrize(
    "texts", [[one] for one in INSTANTS] + [INSTANTS, ["2024-01-14T12", None], ["1705233600"]]
)
def test_instants_are_read_alike_from_csv_and_parquet(csv, parquet, texts):
    wanted = [NOON if text else None for text in texts]
    lines = "".join(f"{text or ''},x\n" for text in texts)
    kinds = {"at": TIMESTAMP}
    assert parse(csv(f"at,x\n{lines}"), kinds)["at"].to_pylist() == wanted
    assert parse(parquet(at=texts), kinds)["at"].to_pylist() == wanted


def test_whole_seconds_are_instants_as_in_the_server(parquet):
    for seconds in (1705233600, 1705233600.0):
        found = parse(parquet(at=[seconds, None]), {"at": TIMESTAMP})
        assert found["at"].to_pylist() == [NOON, None]


@pytest.mark.parametrize(
    ("array", "kind", "wanted"),
    [
        (pa.array([1.5, NAN], pa.float16()), NUMBER, [1.5, None]),
        (pa.array([1.5, NAN], pa.float16()), CATEGORY, ["1.5", None]),
        (pa.array([Decimal("1.50")]), NUMBER, [1.5]),
        (pa.array(["1.5", "NA", ""]), NUMBER, [1.5, None, None]),
        (pa.array(["true", "False", None]), NUMBER, [1.0, 0.0, None]),
        (pa.array([0.1, NAN], pa.float32()), CATEGORY, ["0.1", None]),
        (pa.array([1e20]), CATEGORY, ["1e+20"]),
        (pa.nulls(1), NUMBER, [None]),
        (pa.nulls(1), CATEGORY, [None]),
        (pa.nulls(1), TIMESTAMP, [None]),
        (pa.array(["a", ""], pa.string_view()), CATEGORY, ["a", None]),
        (pa.array(["a"], pa.large_string()).dictionary_encode(), CATEGORY, ["a"]),
        (pa.array([b"a"], pa.binary()), CATEGORY, ["a"]),
        (pa.array([NOON], pa.timestamp("ns")), TIMESTAMP, [NOON]),
        (pa.array([dt.date(2024, 1, 14)]), TIMESTAMP, [NOON - dt.timedelta(hours=12)]),
    ],
)
def test_every_type_that_has_one_meaning_is_read(parquet, array, kind, wanted):
    assert parse(parquet(v=array), {"v": kind})["v"].to_pylist() == wanted


@pytest.mark.parametrize("value", [True, Decimal(1), [1], dt.time(1)])
def test_what_is_no_instant_is_an_input_error(parquet, value):
    with pytest.raises(InputError, match=r"t.parquet: at: given"):
        parse(parquet(at=[value]), {"at": TIMESTAMP})


def test_a_csv_of_a_header_has_no_rows(csv):
    assert parse(csv("id,x\n"), {"id": None, "x": NUMBER}).num_rows == 0


@pytest.mark.parametrize("number", [1705233600000, 20240114, 19736, 1705233600.5])
def test_other_numbers_are_not_instants(parquet, number):
    with pytest.raises(InputError, match=r"t.parquet: at: given"):
        parse(parquet(at=[number]), {"at": TIMESTAMP})


@pytest.mark.parametrize(
    ("good", "bad", "kind"),
    [("2024-01-14T12:00Z", "the 14th", TIMESTAMP), ("1", "one", NUMBER), ("1", "x7", pa.int64())],
)
def test_a_refused_value_is_named_with_file_column_and_row(csv, parquet, good, bad, kind):
    for table in (csv(f"at\n{good}\n{good}\n{bad}\n"), parquet(at=[good, good, bad])):
        with pytest.raises(InputError, match=rf"t\.\w+: at: given .*{bad}.* in row 2"):
            parse(table, {"at": kind})


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ([pa.int64(), pa.float64(), pa.null()], pa.int64()),
        ([pa.int64(), pa.float64(), pa.string()], pa.string()),
        ([INSTANT, pa.date32()], INSTANT),
        ([pa.float64()], pa.float64()),
        ([pa.null()], pa.string()),
        ([], pa.string()),
    ],
)
def test_a_key_has_one_type_in_all_files(types, wanted):
    assert common_key_type(types) == wanted


def test_files_are_brought_to_the_type_that_they_have_together(parquet):
    whole = parquet("a.parquet", id=[1, 2])
    gap = parquet("b.parquet", id=[3.0, NAN])
    text = parquet("c.parquet", id=["o-4"])
    for files, wanted in [
        ((whole, gap), [1, 2, 3, None]),
        ((whole, gap, text), ["1", "2", "3", None, "o-4"]),
    ]:
        kinds = decide_types({"id": None}, files)
        found = pa.concat_tables([parse(file, kinds) for file in files])
        assert found["id"].to_pylist() == wanted


def test_a_double_that_lost_digits_is_no_key():
    column = pa.chunked_array([pa.array([1.0, 2.0**60])])
    for target in (pa.int64(), pa.string()):
        with pytest.raises(InputError, match=r"row 1, double .*lost digits"):
            cast_to_kind(column, target, "here")


def test_part_files_of_a_folder_or_a_glob_are_one_table(tmp_path):
    folder = tmp_path / "[2024] day.parquet"
    for name, ids in {"part-1": [3, 4], "part-0": [1, 2], "z=1/part-2": ["5"]}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": ids}), folder / f"{name}.parquet")
    for name in ("_SUCCESS", ".part-0.crc", "_temporary/0/part-9", ".spark/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"no table")
    for uri in (folder, f"{folder}/", f"file://{folder}", f"{folder}*", f"{folder}/*"):
        table = table_of(uri)
        assert parse(table, {"id": None})["id"].to_pylist() == ["1", "2", "3", "4", "5"]
    assert parse(table_of(f"{folder}/part-*.parquet"), {"id": None})["id"].to_pylist() == [
        1, 2, 3, 4,
    ]  # fmt: skip
    table = table_of(f"{folder}/")
    assert table.digest == table_of(folder).digest != table_of(f"{folder}/part-*").digest


def test_a_folder_without_data_is_an_input_error(tmp_path):
    (tmp_path / "d.parquet").mkdir()
    (tmp_path / "d.parquet/_SUCCESS").touch()
    with pytest.raises(InputError, match=r"d.parquet: given 'a folder without"):
        table_of(tmp_path / "d.parquet")


def damage(file):
    """Zeroes bytes of a page, the footer stays whole."""
    content = bytearray(file.read_bytes())
    content[4:200] = bytes(196)
    file.write_bytes(content)


def test_a_damaged_page_is_an_input_error_with_the_name_of_the_file(tmp_path):
    file = tmp_path / "broken.parquet"
    pq.write_table(pa.table({"id": list(range(1000))}), file)
    damage(file)
    assert pq.read_schema(file).names == ["id"]
    with pytest.raises(InputError, match=r"broken\.parquet: given"):
        parse(table_of(file), {"id": None})


def test_csv_and_parquet_give_the_same_table(tmp_path):
    rows = pa.table(
        {
            "id": ["1", "2", None],
            "shop": ["NA", None, "nan"],
            "price": [1.5, None, 2.0],
            "at": pa.array([NOON, NOON, NOON], INSTANT),
        }
    )
    pq.write_table(rows.set_column(0, "id", rows["id"].cast(pa.int32())), tmp_path / "t.parquet")
    pa_csv.write_csv(rows, tmp_path / "t.csv", pa_csv.WriteOptions(quoting_style="needed"))
    kinds = {"id": None, "shop": CATEGORY, "price": NUMBER, "at": TIMESTAMP}
    csv, parquet = (parse(table_of(tmp_path / n), kinds) for n in ("t.csv", "t.parquet"))
    assert csv.equals(parquet)
