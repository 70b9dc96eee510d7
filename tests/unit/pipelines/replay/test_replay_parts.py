"""The parts of a replay, each by a small table."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from components.core.errors import InputError
from components.core.spec import load_spec
from pipelines.local.platform_check import problem
from pipelines.replay.host import replay_host, replay_paths
from pipelines.replay.replay import replay_periods
from pipelines.replay.report import (
    ReplayPeriod,
    ReplayState,
    champion_cell,
    decision_cell,
    first_row,
    index_page,
    setup_seconds,
)
from pipelines.replay.traffic import Grouping, ReplaySettings, group_requests, load_replay

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
    found = group_requests(table(), "at", Grouping(every=timedelta(hours=1)), "churn")
    assert [request.rows for request in found] == [3, 2]
    assert [request.at for request in found] == [AT, AT + timedelta(hours=1)]


def test_examples_are_split_by_a_column() -> None:
    found = group_requests(table(), "at", Grouping(by=("site",)), "churn")
    # The example whose site is missing has no group, so it must not be lost silently.
    assert sum(request.rows for request in found) == 5


def test_a_request_is_of_the_open_inference_protocol() -> None:
    (first, _) = group_requests(table(), "at", Grouping(), "churn")
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
def test_periods_end_when_monitoring_is_due(every: str, names: list[str]) -> None:
    settings = ReplaySettings(start="2024-01-15", end="2024-03-01")
    found = replay_periods(spec_with(f"monitoring: {{every: {every}}}"), settings)
    assert [name for name, _ in found] == names
    assert all(a.end == b.start for (_, a), (_, b) in pairwise(found))


def test_a_replay_clears_nothing_outside_of_build(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder below build/"):
        replay_paths(spec_with(f"serving: {{log: {tmp_path}/log}}"))
    with pytest.raises(InputError, match="a folder below build/"):
        replay_host(spec_with(f"serving: {{target: 'local://{tmp_path}'}}"))
    assert replay_host(spec_with()).folder == Path("build/churn/serving")


def test_a_replay_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_replay(tmp_path)
    (tmp_path / "replay.yaml").write_text("start: 2024-01-01\nend: soon\n")
    with pytest.raises(InputError, match=r"replay.yaml: end.*'soon'"):
        load_replay(tmp_path)


def period(before: str, after: str, outcome: str) -> ReplayPeriod:
    return ReplayPeriod(
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
    refused = period("a", "a", "evaluate: refuse")
    assert (champion_cell(refused), decision_cell(refused)) == ("a", "retrain → refuse")
    old, new = "20130701T0000-f10fad6a", "20131001T0000-288d982a-c"
    assert champion_cell(period(old, new, "rollout: promoted")) == "→ 2013-10-01-c"


def test_the_page_links_every_report_from_its_own_folder(tmp_path: Path) -> None:
    report = tmp_path / "replay" / "runs" / "r" / "report.html"
    measured = period("a", "a", "").model_copy(
        update={"metrics": {"auc": 0.68064}, "reports": {"monitor": str(report)}}
    )
    state = ReplayState(model="churn", periods=(measured,))
    page = index_page(state, "", tmp_path / "replay")
    assert '<a href="./runs/r/report.html"' in page
    assert "0.6806" in page, "rounded once, for the page"


def test_an_unfinished_replay_goes_on_and_a_finished_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "replay.json"
    assert ReplayState.at(file, "churn") == ReplayState(model="churn")
    state = ReplayState(model="churn", began=True, sent=7)
    state.write(file)
    assert ReplayState.at(file, "churn") == state
    state.model_copy(update={"finished": True}).write(file)
    assert ReplayState.at(file, "churn") == ReplayState(model="churn")


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
