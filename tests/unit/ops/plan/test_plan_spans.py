"""The spans that have data, by the names of real files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.core.errors import InputError
from components.core.spec import Spec, load_spec
from components.ops.plan.windows import available_spans


def spec_of(uri: str, more: str = "") -> Spec:
    return load_spec(
        f"name: churn\ndata:\n  primary: {{uri: '{uri}', event_time: at, key: [id]{more}}}\n"
        "label: {column: left, known_after: 1d}\n"
    )


def names(spec: Spec, as_of: str) -> list[str]:
    return [
        s.name for s in available_spans(spec, datetime.fromisoformat(as_of).replace(tzinfo=UTC))
    ]


def touch(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_spans_that_start_before_the_instant_in_order(tmp_path: Path, scheme: str) -> None:
    touch(tmp_path, "2013-03.parquet", "2013-01.parquet", "2013-02.parquet", "2013-04.parquet")
    spec = spec_of(f"{scheme}{tmp_path}/{{month}}.parquet")

    assert names(spec, "2013-03-01") == ["2013-01", "2013-02"]
    assert names(spec, "2013-03-01T00:00:01") == ["2013-01", "2013-02", "2013-03"]


def test_a_relative_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "data/2013-01-01T05.parquet")

    assert names(spec_of("data/{hour}.parquet"), "2013-02-01") == ["2013-01-01T05"]


def test_other_files_are_no_spans(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "2013-01-01.parquet",
        "2013-1-2.parquet",
        "2013-01.parquet",
        "notes.parquet",
        "2013-01-03.parquet.part",
        "2013-02-30.parquet",
    )

    assert names(spec_of(f"{tmp_path}/{{day}}.parquet"), "2014-01-01") == ["2013-01-01"]


def test_folders_by_month_with_days_within(tmp_path: Path) -> None:
    touch(tmp_path, "2013-01/2013-01-31.csv", "2013-02/2013-01-31.csv", "2013-02/2013-02-01.csv")
    spec = spec_of(f"{tmp_path}/{{month}}/{{day}}.csv", ", format: csv")

    assert names(spec, "2014-01-01") == ["2013-01-31", "2013-02-01"]


def test_signs_of_a_pattern_in_a_path_mean_themselves(tmp_path: Path) -> None:
    touch(tmp_path, "a+b/2013-01-01.x", "aab/2013-01-02.x", "a+b/2013-01-03_x")

    assert names(spec_of(f"{tmp_path}/a+b/{{day}}.x"), "2014-01-01") == ["2013-01-01"]


def test_one_file_has_the_spans_from_its_start(tmp_path: Path) -> None:
    touch(tmp_path, "all.parquet")
    spec = spec_of(f"{tmp_path}/all.parquet", ", start: 2013-01-30T06:00Z")

    assert names(spec, "2013-02-02") == ["2013-01-30", "2013-01-31", "2013-02-01"]
    with pytest.raises(InputError, match="no such file"):
        names(spec_of(f"{tmp_path}/none.parquet", ", start: 2013-01-30"), "2013-02-02")


def test_a_start_leaves_out_older_files(tmp_path: Path) -> None:
    touch(tmp_path, "2013-01-01.parquet", "2013-01-02.parquet", "2013-01-03.parquet")
    spec = spec_of(f"{tmp_path}/{{day}}.parquet", ", start: 2013-01-02T12:00Z")

    assert names(spec, "2014-01-01") == ["2013-01-02", "2013-01-03"]


def test_no_span_is_the_users_to_mend(tmp_path: Path) -> None:
    spec = spec_of(f"{tmp_path}/{{day}}.parquet")
    with pytest.raises(
        InputError, match=r"no file of a day before 2013-01-01T00:00Z.*Make the data"
    ):
        names(spec, "2013-01-01")

    touch(tmp_path, "2013-01-01.parquet")
    with pytest.raises(InputError, match=r"oldest one is 2013-01-01; choose a later"):
        names(spec, "2013-01-01")


@pytest.mark.parametrize(
    "uri", ["[a]/{day}.parquet", "[a]/{day}.*", "[a]/{day}.parquet/", "[a]/{day}.parquet/part-*"]
)
def test_a_span_may_be_a_folder_or_a_glob_and_brackets_are_letters(
    tmp_path: Path, uri: str
) -> None:
    touch(tmp_path, "[a]/2013-01-01.parquet/part-0", "[a]/2013-01-01.parquet/part-1")
    touch(tmp_path, "a/2013-01-02.parquet/part-0")

    assert names(spec_of(f"{tmp_path}/{uri}"), "2014-01-01") == ["2013-01-01"]
