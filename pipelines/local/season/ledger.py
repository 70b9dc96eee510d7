"""What a season has come to so far, kept so that an interrupted one goes on."""

from collections.abc import Mapping
from pathlib import Path

from components.core.artifacts import Record


class Month(Record):
    """One stretch between two monitoring runs.

    Attributes:
        name: The stretch, such as ``2013-07``.
        requests: Requests answered in it.
        rows: Examples asked for in them.
        failed: Requests that got no good answer, those to a candidate of the stretch included.
        metrics: What the monitoring run measured: auc, log_loss, calibration_error, ….
        decision: What it decided.
        reason: Its main reason.
        outcome: What came of a retraining; empty where there was none.
        champion_before: Version that served when the stretch ended.
        champion_after: Version that serves after the monitoring run.
        replay_s: Seconds of traffic.
        run_s: Seconds of the monitoring run, with a retraining where there was one.
        reports: Title to path of each report.
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


class First(Record):
    """The first train-and-deploy.

    Attributes:
        champion: The version that it put into service.
        run_s: Seconds it took.
        reports: Title to path of each report.
    """

    champion: str
    run_s: float
    reports: Mapping[str, str]


class Ledger(Record):
    """A season so far.

    Attributes:
        model: The model's name.
        began: Whether the places of an earlier season were cleared.
        sent: Requests sent so far; where the traffic goes on.
        first: The first train-and-deploy, once it is done.
        months: The stretches that are done.
        setup_s: Seconds that making the environments took, once, before any season.
        finished: Whether the season came to its end.
        total_s: Seconds of everything after set-up.
    """

    model: str
    began: bool = False
    sent: int = 0
    first: First | None = None
    months: tuple[Month, ...] = ()
    setup_s: float | None = None
    finished: bool = False
    total_s: float = 0.0

    @classmethod
    def at(cls, file: Path, model: str) -> "Ledger":
        """The unfinished season that a file holds, or a new one."""
        if file.is_file():
            ledger = cls.read(file)
            if not ledger.finished:
                return ledger
        return cls(model=model)
