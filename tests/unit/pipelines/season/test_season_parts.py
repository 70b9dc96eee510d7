"""The parts of a season, each by a small table."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from components.core.errors import InputError
from components.core.spec import load_spec
from pipelines.local.platform_check import problem
from pipelines.local.season.host import host_of
from pipelines.local.season.ledger import Ledger, Month
from pipelines.local.season.places import places_of
from pipelines.local.season.play import stretches
from pipelines.local.season.requests import requests_of
from pipelines.local.season.settings import Grouping, Season, read_season
from pipelines.local.season.setup import setup_seconds
from pipelines.local.season.show import champion_of, decision_of, first_row

SPEC = """
name: churn
data: {{primary: {{uri: 's/{{day}}.parquet', event_time: at, key: [who, at]}}}}
label: {{column: left, known_after: 1d}}
{more}
"""
AT = datetime(2024, 1, 31, tzinfo=UTC)


def spec_with(more: str = ""):
    return load_spec(SPEC.format(more=more))


def table() -> pd.DataFrame:
    minutes = pd.to_timedelta([0, 30, 59, 60, 61], unit="min")
    return pd.DataFrame(
        {
            "at": pd.Timestamp(AT) + minutes,
            "who": [1, 2, 3, 4, 5],
            "site": ["a", "b", "a", None, "a"],
            "x": [1.5, None, 2.0, 3.0, 4.0],
        }
    )


def test_examples_of_an_hour_come_together() -> None:
    found = requests_of(table(), "at", Grouping(every=timedelta(hours=1)), "churn")
    assert [request.rows for request in found] == [3, 2]
    assert [request.at for request in found] == [AT, AT + timedelta(hours=1)]


def test_examples_are_split_by_a_column() -> None:
    found = requests_of(table(), "at", Grouping(by=("site",)), "churn")
    # The example whose site is missing has no group, so it must not be lost silently.
    assert sum(request.rows for request in found) == 5


def test_a_request_is_of_the_open_inference_protocol() -> None:
    (first, _) = requests_of(table(), "at", Grouping(), "churn")
    body = json.loads(first.body)
    assert body["id"] == "churn-000001"
    columns = {tensor["name"]: tensor for tensor in body["inputs"]}
    seconds = int(AT.timestamp())
    assert columns["at"]["datatype"] == "INT64"
    assert columns["at"]["data"] == [seconds, seconds + 1800, seconds + 59 * 60]
    assert columns["x"] == {"name": "x", "shape": [3], "datatype": "FP64", "data": [1.5, None, 2.0]}
    assert columns["site"]["datatype"] == "BYTES"
    assert columns["who"]["datatype"] == "INT64"
    assert first_row(first) == {"at": seconds, "who": 1, "site": "a", "x": 1.5}


@pytest.mark.parametrize(
    ("every", "names"),
    [
        ("month", ["2024-01", "2024-02"]),
        ("20d", ["2024-01-15T00:00:00Z", "2024-02-04T00:00:00Z", "2024-02-24T00:00:00Z"]),
    ],
)
def test_stretches_end_where_monitoring_is_due(every: str, names: list[str]) -> None:
    season = Season(start="2024-01-15", end="2024-03-01")
    found = stretches(spec_with(f"monitoring: {{every: {every}}}"), season)
    assert [name for name, _ in found] == names
    assert all(a.end == b.start for (_, a), (_, b) in pairwise(found))


def test_a_season_clears_nothing_outside_of_build(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder below build/"):
        places_of(spec_with(f"serving: {{log: {tmp_path}/log}}"))
    with pytest.raises(InputError, match="a folder below build/"):
        host_of(spec_with(f"serving: {{target: 'local://{tmp_path}'}}"))
    assert host_of(spec_with()).target.place.folder == Path("build/churn/serving")


def test_a_season_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_season(tmp_path)
    (tmp_path / "season.yaml").write_text("start: 2024-01-01\nend: soon\n")
    with pytest.raises(InputError, match=r"season.yaml: end.*'soon'"):
        read_season(tmp_path)


def month(before: str, after: str, outcome: str) -> Month:
    return Month(
        name="2024-01",
        requests=1,
        rows=2,
        failed=0,
        metrics={},
        decision="retrain",
        reason="",
        outcome=outcome,
        champion_before=before,
        champion_after=after,
        replay_s=0.0,
        run_s=0.0,
        reports={},
    )


def test_a_row_says_who_serves_and_why() -> None:
    refused = month("a", "a", "evaluate: refuse")
    assert (champion_of(refused), decision_of(refused)) == ("a", "retrain → refuse")
    old, new = "20130701T0000-f10fad6a", "20131001T0000-288d982a-c"
    assert champion_of(month(old, new, "rollout: promoted")) == "→ 2013-10-01-c"


def test_an_unfinished_season_goes_on_and_a_finished_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "season.json"
    assert Ledger.at(file, "churn") == Ledger(model="churn")
    ledger = Ledger(model="churn", began=True, sent=7)
    ledger.write(file)
    assert Ledger.at(file, "churn") == ledger
    ledger.model_copy(update={"finished": True}).write(file)
    assert Ledger.at(file, "churn") == Ledger(model="churn")


def test_set_up_seconds_are_summed(tmp_path: Path) -> None:
    assert setup_seconds(tmp_path) is None
    for name, seconds in (("data", "30\n"), ("model", "12\n"), ("bench", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".made").write_text(seconds)
    assert setup_seconds(tmp_path) == 42.0


@pytest.mark.parametrize(
    ("system", "machine", "version", "libc", "said"),
    [
        ("Linux", "x86_64", (3, 11), ("glibc", "2.36"), ""),
        ("Darwin", "arm64", (3, 11), ("", ""), "Darwin on arm64"),
        ("Darwin", "arm64", (3, 13), ("", ""), "Darwin on arm64"),
        ("Windows", "AMD64", (3, 11), ("", ""), "Windows on AMD64"),
        ("Linux", "aarch64", (3, 11), ("glibc", "2.36"), "Linux on aarch64"),
        ("Linux", "x86_64", (3, 12), ("glibc", "2.36"), "Python 3.12"),
        ("Linux", "x86_64", (3, 11), ("glibc", "2.17"), "The C library glibc 2.17"),
        ("Linux", "x86_64", (3, 11), ("", ""), "A C library other than glibc"),
    ],
)
def test_a_machine_that_will_not_do_is_told_why(system, machine, version, libc, said) -> None:
    found = problem(system, machine, version, libc)
    assert found.startswith(said)
    assert bool(found) == bool(said)
