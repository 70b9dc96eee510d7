"""The local target after a kill, a stop or a damaged record."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from components.core.errors import InputError
from components.ops.targets.local import processes
from components.ops.targets.local.serving import stop
from tests.unit.ops.targets.conftest import Serving, predict, record_of, versions_running
from tests.unit.ops.targets.serving_factories import COMMAND, make_model

_STAGE = """
import sys
from pathlib import Path
from components.core.plan import Champion
from components.ops.targets import connect
from tests.unit.ops.targets.serving_factories import candidate_of
target, model, tmp = connect(sys.argv[1], "toy"), Path(sys.argv[2]), Path(sys.argv[3])
target.stage(model, candidate_of(model.name, tmp), target.champion())
target.wait_ready(model.name, 60)
"""


def stage_and_be_killed(
    serving: Serving, version: str, moment: Callable[[Serving], bool], **behaviour: object
) -> None:
    """Kills a step that stages a version as soon as the moment has come."""
    model = make_model(serving.tmp, version, **behaviour)
    command = [sys.executable, "-c", _STAGE, serving.uri, str(model), str(serving.tmp)]
    step = subprocess.Popen(command, start_new_session=True)
    try:
        while not moment(serving):
            assert step.poll() is None, "it ended too early"
            time.sleep(0.01)
    finally:
        os.killpg(step.pid, signal.SIGKILL)
        step.wait()


def is_published(serving: Serving) -> bool:
    return serving.target.target_uri.model_folder("v2").exists()


def is_recorded(serving: Serving) -> bool:
    return record_of(serving).candidate is not None


def is_started(serving: Serving) -> bool:
    candidate = record_of(serving).candidate
    return candidate is not None and candidate.server is not None


@pytest.mark.parametrize("moment", [is_published, is_recorded, is_started])
def test_a_step_that_was_killed_and_is_run_again(
    serving: Serving, moment: Callable[[Serving], bool]
) -> None:
    champion = serving.promote("v1")
    stage_and_be_killed(serving, "v2", moment, ready_after_s=8)
    assert serving.target.champion() == champion
    assert predict(serving).headers["x-ratoon-version"] == "v1"
    serving.stage("v2", ready_after_s=8)
    assert versions_running(serving) == ["gateway", "v1", "v2"]
    serving.stage("v3")
    assert versions_running(serving) == ["gateway", "v1", "v3"]


def test_a_server_that_nobody_recorded_is_ended(serving: Serving) -> None:
    serving.promote("v1")
    model = make_model(serving.tmp, "v0")
    command = [w.format(model_dir=model, port=processes.free_port(), log="") for w in
               (sys.executable, COMMAND.split('"')[3], "--model-dir", "{model_dir}", "--port",
                "{port}", "--log", "{log}")]  # fmt: skip
    processes.start(command, dict(os.environ), serving.tmp / "log", serving.folder)
    while len(processes.find_processes(serving.folder)) < 3:  # the program is being loaded
        time.sleep(0.02)
    assert versions_running(serving) == ["gateway", "v0", "v1"]
    serving.stage("v2")
    assert versions_running(serving) == ["gateway", "v1", "v2"]


def test_a_promotion_that_was_cut_off_is_finished_by_the_next_call(serving: Serving) -> None:
    """Killed between the switch and the end of the old server."""
    serving.promote("v1")
    serving.stage("v2")
    record, file = record_of(serving), serving.target.target_uri.record_file
    assert record.candidate is not None
    assert record.champion is not None
    file.write(
        record.model_copy(
            update={
                "champion": record.candidate,
                "candidate": None,
                "draining": (record.champion,),
                "previous": (record.champion.model_copy(update={"server": None}),),
            }
        )
    )
    assert versions_running(serving) == ["gateway", "v1", "v2"]
    assert serving.target.promote("v2", None, "again").version == "v2"
    assert versions_running(serving) == ["gateway", "v2"]
    assert record_of(serving).draining == ()


def test_what_served_comes_back_at_the_same_address(serving: Serving) -> None:
    serving.promote("v1")
    address = serving.target.address
    assert stop(serving.folder) == 2
    assert versions_running(serving) == []
    assert stop(serving.folder) == 0
    champion = serving.target.ensure_serving(30)
    assert champion == serving.target.champion()
    assert serving.target.address == address
    assert predict(serving).status_code == 200
    assert serving.target.ensure_serving(30) == champion
    assert versions_running(serving) == ["gateway", "v1"]


def test_there_is_nothing_to_start_or_stop_in_a_new_folder(serving: Serving) -> None:
    assert serving.target.ensure_serving(5) is None
    assert stop(serving.folder) == 0
    assert not serving.folder.exists()


def test_a_gateway_that_was_lost_is_started_again(serving: Serving) -> None:
    serving.promote("v1")
    gateway = record_of(serving).gateway
    assert gateway is not None
    os.kill(gateway.process.pid, signal.SIGKILL)
    while processes.is_running(gateway.process):
        time.sleep(0.02)
    assert serving.target.traffic("v1").requests == 0
    now = record_of(serving).gateway
    assert now is not None
    assert now.port == gateway.port
    assert predict(serving).status_code == 200


def test_a_damaged_record_keeps_nothing_from_being_stopped(serving: Serving) -> None:
    serving.promote("v1")
    serving.target.target_uri.record_file.path.write_text("{")
    with pytest.raises(InputError, match=r"record\.json"):
        serving.target.champion()
    assert stop(serving.folder) == 2
    assert versions_running(serving) == []
