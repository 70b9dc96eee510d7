"""How far a replay came, kept so that an interrupted one goes on."""

from collections.abc import Mapping
from pathlib import Path

from components.core.artifacts import Record
from pipelines.local.results import RunResult, StepResult

METRICS = ("rows", "labelled", "auc", "log_loss", "calibration_error", "calibration_limit", "rate")


class ReplayPeriod(Record):
    """The time between two monitoring runs.

    Attributes:
        rows: Examples asked for in its requests.
        failed: Requests without a good answer, those to a candidate included.
        metrics: What the monitoring run measured: auc, log_loss, calibration_error and others.
        outcome: How a retraining ended; empty if there was none.
        champion_before: Version that served when the period ended.
        champion_after: Version that serves after the monitoring run.
        replay_s: Seconds of traffic.
        run_s: Seconds of the monitoring run, a retraining included.
        reports: Step to path of each report.
    """

    name: str
    requests: int
    rows: int
    failed: int
    metrics: Mapping[str, float | None]
    decision: str
    reason: str
    outcome: str
    champion_before: str
    champion_after: str
    replay_s: float
    run_s: float
    reports: Mapping[str, str]


class FirstDeployment(Record):
    """The first train-and-deploy, and the version that serves since."""

    champion: str
    run_s: float
    reports: Mapping[str, str]


class ReplayState(Record):
    """A replay so far.

    Attributes:
        began: Whether the folders of an earlier replay were cleared.
        sent: Requests sent so far; where the traffic goes on.
        setup_s: Seconds that making the environments took, once, before any replay.
        total_s: Seconds of everything after set-up.
    """

    model: str
    began: bool = False
    sent: int = 0
    first: FirstDeployment | None = None
    periods: tuple[ReplayPeriod, ...] = ()
    setup_s: float | None = None
    finished: bool = False
    total_s: float = 0.0

    @classmethod
    def at(cls, file: Path, model: str) -> "ReplayState":
        """The unfinished replay that a file holds, or a new one."""
        if file.is_file():
            state = cls.read(file)
            if not state.finished:
                return state
        return cls(model=model)


def metrics_of(monitored: StepResult) -> Mapping[str, float | None]:
    """The metrics of a monitoring run that the replay's table shows."""
    logged = monitored.metadata.get("metrics", {})
    return {
        name: float(value) if isinstance(value := logged.get(name), int | float) else None
        for name in METRICS
    }


def outcome_of(result: RunResult) -> str:
    """How far a retraining came, ``step: decision`` of its last step that decided."""
    nested = ((name.rpartition("/"), step.decision) for name, step in result.steps.items())
    deciding = [
        f"{name}: {decision}"
        for (group, _, name), decision in nested
        if group and decision and name != "schedule"
    ]
    return deciding[-1] if deciding else ""


def reports_of(result: RunResult) -> Mapping[str, str]:
    """Step to the path of its HTML report."""
    return {
        name: str(step.artifacts["report"])
        for name, step in result.steps.items()
        if "report" in step.artifacts
    }
