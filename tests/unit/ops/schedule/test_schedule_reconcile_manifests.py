"""`ratoon recurring`: a line a model, an exit code, nothing changed by a check."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.ops.schedule.reconcile import check_manifests
from pipelines.cli.app import app
from tests.fakes.kfp_faults import Fault
from tests.fakes.kfp_server import KfpApi

VERSION = "monitor-0123456789ab"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recurring"
    made.mkdir()
    for model, every in (("flights", "month"), ("taxi", "36h")):
        text = f"model: {model}\nparameters: {{model: models/{model}}}\nevery: {every}\n"
        (made / f"{model}.yaml").write_text(text)
    return made


def reconcile(folder: Path) -> Any:
    return CliRunner().invoke(app, ["recurring", "reconcile", str(folder)])


def names(kfp: KfpApi) -> list[str]:
    return sorted(r["display_name"].rpartition("-")[0] for r in kfp.store.rows("recurringruns"))


def test_a_line_for_each_model(kfp: KfpApi, folder: Path) -> None:
    results = [reconcile(folder), reconcile(folder)]
    assert [result.exit_code for result in results] == [0, 0]
    first, second = (result.stdout.splitlines() for result in results)

    assert [line.split("-monitor-")[0] for line in first] == [
        "flights: scheduled: flights",
        "taxi: scheduled: taxi",
    ]
    assert f"runs {VERSION} cron '0 0 0 1 * *' (UTC), next at" in first[0]
    assert "every 36h" in first[1]
    assert [line.split()[1] for line in second] == ["unchanged:", "unchanged:"]
    assert names(kfp) == ["flights-monitor", "taxi-monitor"]


def test_check_changes_nothing_and_says_what_is_to_do(kfp: KfpApi, folder: Path) -> None:
    both = check_manifests([folder])
    assert [(one.model, one.state) for one in both] == [
        ("flights", "differs"),
        ("taxi", "differs"),
    ]
    assert all("has to be created" in one.sentence for one in both)
    assert not [s for s in kfp.seen if s.method != "GET"]

    reconcile(folder)
    for row in kfp.store.rows("recurringruns"):
        kfp.runs.switch(row["recurring_run_id"], enable=row["display_name"].startswith("taxi"))

    flights, taxi = check_manifests([folder])
    assert (flights.state, taxi.state) == ("differs", "unchanged")
    assert "has to be enabled" in flights.sentence
    assert taxi.sentence.startswith("as declared: taxi-monitor-")
    reconcile(folder)
    assert {one.state for one in check_manifests([folder])} == {"unchanged"}


def test_an_error_of_one_model_does_not_keep_the_others(kfp: KfpApi, folder: Path) -> None:
    with (folder / "flights.yaml").open("a") as file:
        file.write("version: monitor-gone\n")

    said = reconcile(folder)

    assert said.exit_code == 1
    assert "flights: InputError: flights: version of pipeline monitor: given 'monitor-gone'" in (
        said.stderr
    )
    assert said.stdout.startswith("taxi: scheduled")
    assert names(kfp) == ["taxi-monitor"]


def test_a_file_that_is_none_stops_before_anything_is_done(kfp: KfpApi, folder: Path) -> None:
    (folder / "z.yaml").write_text("model: z\n")

    said = reconcile(folder)

    assert (said.exit_code, said.stdout) == (1, "")
    assert "z.yaml" in said.stderr
    assert kfp.seen == []


def test_what_is_not_enabled_stands_still(kfp: KfpApi, folder: Path) -> None:
    reconcile(folder)
    with (folder / "taxi.yaml").open("a") as file:
        file.write("enabled: false\n")

    said = reconcile(folder)

    assert said.exit_code == 0
    assert "never, for it is not enabled" in said.stdout
    modes = {r["display_name"].split("-")[0]: r["mode"] for r in kfp.store.rows("recurringruns")}
    assert modes == {"flights": "ENABLE", "taxi": "DISABLE"}


def _start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines.cli", "recurring", "reconcile", str(folder)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "."})


def test_processes_at_once_leave_one_run_a_model(kfp: KfpApi, folder: Path) -> None:
    kfp.faults.add(Fault("POST", "recurringruns$", times=2, before_s=0.3))
    kfp.faults.add(Fault("GET", "recurringruns$", times=3, after_s=0.2))

    started = [_start(folder) for _ in range(3)]

    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert names(kfp) == ["flights-monitor", "taxi-monitor"]


def test_a_process_that_was_killed_is_finished_by_the_next(kfp: KfpApi, folder: Path) -> None:
    reconcile(folder)
    for file in folder.iterdir():
        file.write_text(file.read_text() + "experiment: other\n")
    # The new run stands; the old one would go next, but never gets to.
    kfp.faults.add(Fault("DELETE", "recurringruns", before_s=30))
    process = _start(folder)
    while not any(s.method == "DELETE" for s in kfp.seen):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    assert names(kfp) == ["flights-monitor", "flights-monitor", "taxi-monitor"]
    assert reconcile(folder).exit_code == 0
    assert names(kfp) == ["flights-monitor", "taxi-monitor"]
