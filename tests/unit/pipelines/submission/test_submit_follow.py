"""Following a run: what is told of its steps, and when to give up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.core.errors import ApiUnavailable
from pipelines.local.results import RunObserver, StepResult
from pipelines.submission.server import follow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# What protobuf makes of a time that was never set.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {"plan", "train"}


class Heard(RunObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, float, str]] = []

    def step_started(self, name: str) -> None:
        self.told.append((name, "started", 0.0, ""))

    def step_finished(self, step: StepResult) -> None:
        self.told.append((step.name, step.state, step.seconds, step.reason))


def at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def task(
    name: str, state: str, at_s: int = 0, took_s: int | None = None, error: str = ""
) -> dict[str, Any]:
    start = NOON + timedelta(seconds=at_s)
    return {
        "display_name": name,
        "state": state,
        "start_time": at(start),
        "end_time": at(NEVER if took_s is None else start + timedelta(seconds=took_s)),
        **({"error": {"message": error}} if error else {}),
    }


def run(state: str, *tasks: dict[str, Any], error: str = "") -> dict[str, Any]:
    return {
        "run_id": "r",
        "state": state,
        **({"run_details": {"task_details": list(tasks)}} if tasks else {}),
        **({"error": {"message": error}} if error else {}),
    }


def reader(*looks: dict[str, Any] | Exception) -> Callable[[], dict[str, Any]]:
    left: Iterator[dict[str, Any] | Exception] = iter(looks)

    def read() -> dict[str, Any]:
        look = next(left)
        if isinstance(look, Exception):
            raise look
        return look

    return read


def test_each_step_is_told_of_once() -> None:
    heard = Heard()
    looks = (
        run("PENDING"),
        run("RUNNING", task("plan", "PENDING")),
        run("RUNNING", task("plan", "RUNNING"), task("plan-driver", "SUCCEEDED", took_s=1)),
        run("RUNNING", task("plan", "SUCCEEDED", took_s=4), task("condition-1", "RUNNING", 4)),
        run(
            "SUCCEEDED",
            task("plan", "SUCCEEDED", took_s=4),
            task("train", "SKIPPED", 4),
            task("plan", "SUCCEEDED", 5, 2),
        ),
    )
    ended = follow(reader(*looks), STEPS, heard, poll_s=0)
    assert (ended.state, ended.is_good, ended.error) == ("SUCCEEDED", True, "")
    assert heard.told == [
        ("plan", "started", 0.0, ""),
        ("plan", "succeeded", 4.0, ""),
        # The nested pipeline has one too; a branch not taken is no step of this run.
        ("plan", "started", 0.0, ""),
        ("plan", "succeeded", 2.0, ""),
    ]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_run_that_does_not_come_to_its_end(state: str) -> None:
    heard = Heard()
    failed = task("train", state, 3, error="OOMKilled\nexit code 137")
    ended = follow(reader(run(state, failed, error="train did not")), STEPS, heard, poll_s=0)
    assert (ended.state, ended.is_good, ended.error) == (state, False, "train did not")
    assert heard.told[-1] == ("train", "failed", 0.0, "OOMKilled")


def test_a_server_that_comes_back_is_waited_for() -> None:
    away = ApiUnavailable("away")
    looks = (run("RUNNING"), away, away, run("SUCCEEDED"))
    assert follow(reader(*looks), STEPS, Heard(), poll_s=0, unavailable_timeout_s=60).is_good


def test_a_server_that_stays_away_is_not_waited_for_for_ever() -> None:
    looks = (run("RUNNING"), *(ApiUnavailable("away") for _ in range(99)))
    with pytest.raises(ApiUnavailable, match="away"):
        follow(reader(*looks), STEPS, Heard(), poll_s=0.01, unavailable_timeout_s=0.1)
