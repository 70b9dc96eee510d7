"""How far a replay came, kept so that an interrupted one goes on, and the result for people."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as TerminalTable

from components.core.artifacts import Record
from components.report.blocks import Banner, Block, Figure, Links, Row, Section, Table
from components.report.charts import Series, line_chart
from components.report.page import build_page
from pipelines.local.results import RunResult, StepResult
from pipelines.replay.host import ReplayPaths
from pipelines.replay.traffic import ReplayRequest

NOTE = (
    "An illustrative replay: the settings were chosen knowing the year; nothing in the data is "
    "altered."
)
_VERSION = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{4}-[0-9a-f]{8}(.*)")
_CHARTS = (
    ("calibration_error", "Calibration error", "promised against observed"),
    ("auc", "AUC", "0.5 is chance"),
    ("log_loss", "Log loss", "lower is better"),
    ("rate", "Rate of positives", "what the world did"),
)
_COLUMNS = {
    "calibration": "calibration_error",
    "limit": "calibration_limit",
    "AUC": "auc",
    "log loss": "log_loss",
}
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


def period_table(periods: Sequence[ReplayPeriod]) -> pd.DataFrame:
    """One row a period: its requests, metrics, decision, and the champion after it."""
    metrics = pd.DataFrame([period.metrics for period in periods]).reindex(
        columns=list(_COLUMNS.values())
    )
    table = metrics.astype(float).set_axis(list(_COLUMNS), axis="columns")
    table.insert(0, "", [period.name for period in periods])
    table.insert(1, "requests", [period.requests for period in periods])
    table["decision"] = [decision_cell(period) for period in periods]
    table["champion"] = [champion_cell(period) for period in periods]
    return table


def index_page(state: ReplayState, description: str, folder: Path) -> str:
    """The page as HTML; links are relative to the folder that it will lie in."""
    periods = state.periods
    table = period_table(periods).astype(object).where(lambda cells: cells.notna(), None)
    retrained = [m for m in periods if m.champion_before != m.champion_after]
    refused = [m for m in periods if m.outcome and m not in retrained]
    sentence = (
        f"{sum(m.rows for m in periods):,} live predictions. {len(retrained)} challenger(s) proved "
        f"better and serve; {len(refused)} did not and were refused."
    )
    blocks: list[Block] = [
        Banner(f"{len(periods)} periods of live traffic", sentence, "neutral"),
        Row([Figure(_chart(periods, *chart), "") for chart in _CHARTS]),
        Table(tuple(table.columns), table.values.tolist(), "The replay"),
        Section("Reports", NOTE, [_links(state, folder)]),
    ]
    return build_page(f"The replay of {state.model}", about=description, blocks=blocks)


def _chart(periods: tuple[ReplayPeriod, ...], metric: str, title: str, label: str) -> str:
    names = [period.name for period in periods]
    values = [period.metrics.get(metric) for period in periods]
    series = [Series(title, names, values)]
    if metric == "calibration_error":
        limits = [period.metrics.get("calibration_limit") for period in periods]
        series.append(Series("learned threshold", names, limits))
    return line_chart(series, title=title, y_label=label)


def _links(state: ReplayState, folder: Path) -> Links:
    first = {"first model": state.first.reports} if state.first else {}
    parts = {**first, **{period.name: period.reports for period in state.periods}}
    links = ((f"{part}: {name}", path) for part in parts for name, path in parts[part].items())
    return Links([(name, f"./{os.path.relpath(path, folder)}") for name, path in links])


def show_replay(console: Console, state: ReplayState, paths: ReplayPaths) -> None:
    """Writes the table, the index page's path and what can be done next."""
    periods = period_table(state.periods).drop(columns="limit")
    periods = periods.rename(columns={"calibration": "calibr."})
    texts = periods.map(_cell)
    table = TerminalTable(
        *texts.columns,
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        title=f"The replay of {state.model}",
        title_justify="left",
    )
    for row in texts.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
    console.print(NOTE, style="dim")
    console.print(f"Every report: {paths.index.resolve()}", soft_wrap=True)
    console.print(f"The same as data: {paths.summary}", soft_wrap=True)


def _cell(value: object) -> str:
    """A number for people; a dash for a metric that could not be measured."""
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def decision_cell(period: ReplayPeriod) -> str:
    """The monitoring run's decision, and what came of a retraining."""
    outcome = period.outcome.rpartition(": ")[2]
    return f"{period.decision} → {outcome}" if outcome else period.decision


def champion_cell(period: ReplayPeriod) -> str:
    """Who serves after the period, by the day it was trained for; an arrow if it is new."""
    after = _VERSION.sub(r"\1-\2-\3\4", period.champion_after)
    return after if period.champion_before == period.champion_after else f"→ {after}"


def show_next(console: Console, url: str, request: ReplayRequest) -> None:
    """Writes a curl line (v1 protocol) for the server that still runs, and how to stop it."""
    body = json.dumps({"instances": [first_row(request)]})
    console.print("\nIt still serves. Ask it, then stop it:")
    line = f"  curl -s {url} -H 'content-type: application/json' -d '{body}'"
    console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print("  make stop")


def first_row(request: ReplayRequest) -> dict[str, object]:
    """The first example of a request as a row of the v1 protocol."""
    inputs = json.loads(request.body)["inputs"]
    return {tensor["name"]: tensor["data"][0] for tensor in inputs}


def setup_seconds(envs: Path) -> float | None:
    """The seconds that ``make`` noted in ``.made`` of each environment; None if it noted none."""
    notes = [note.read_text().strip() for note in sorted(envs.glob("*/.made"))]
    seconds = [float(note) for note in notes if note]
    return sum(seconds) if seconds else None
