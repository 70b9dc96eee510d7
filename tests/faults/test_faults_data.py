"""Bad data is stopped at validate, with the reason, and nothing is trained on it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from components.core.artifacts import VERDICT
from components.core.verdict import Verdict
from pipelines.local.results import RunResult
from tests.loop.places import STEADY, TRAINED_ON, Deployed, Stages
from tests.loop.turbines import day, day_file


def in_another_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Millimetres where inches were meant."""
    return table.assign(vibration=table["vibration"] * 25.4)


def with_a_flood(table: pd.DataFrame) -> pd.DataFrame:
    """A third of the rows are of types that nobody ever heard of."""
    numbers = np.arange(len(table))
    return table.assign(
        type_code=np.where(numbers % 3 == 0, 100 + numbers, table["type_code"]),
    )


def half_missing(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(vibration=table["vibration"].where(np.arange(len(table)) % 2 == 0))


@pytest.mark.parametrize(
    ("breaks", "column"),
    [(in_another_unit, "vibration"), (with_a_flood, "type_code"), (half_missing, "vibration")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_newest_day(
    deployed: Deployed,
    stages: Stages,
    breaks: Callable[[pd.DataFrame], pd.DataFrame],
    column: str,
) -> None:
    """The newest whose labels are in, so the newest that would be learned from or judged by."""
    stage = stages.clone(deployed.stage)
    newest = day_file(stage.root, TRAINED_ON)
    breaks(pd.read_parquet(newest)).to_parquet(newest, index=False)
    stopped = stage.run(day(TRAINED_ON + 2))
    verdict = _check_stopped(stopped, column)
    assert f"{column} in {day(TRAINED_ON)}" in {f.subject for f in verdict.failures}
    assert {f.subject.split()[0] for f in verdict.failures} == {column}


def test_too_little_history(stages: Stages) -> None:
    stage = stages.make(STEADY, {"history": {"min_spans": 60}})
    stopped = stage.run(day(TRAINED_ON))
    _check_stopped(stopped, "There are 42 spans with rows; at least 60 are required.")
    assert stage.champion() is None


def _check_stopped(run: RunResult, reason: str) -> Verdict:
    assert list(run.steps) == ["plan", "prepare", "validate"]
    stopped = run.step("validate")
    assert stopped.decision == "stop"
    assert stopped.reason.startswith(reason)
    return Verdict.read(stopped.artifacts["verdict"] / VERDICT)
