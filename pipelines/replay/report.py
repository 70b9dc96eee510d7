"""The result of a replay: a table on the terminal, and a page that links every report."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as TerminalTable

from components.report.blocks import Banner, Block, Figure, Links, Row, Section, Table
from components.report.charts import Series, line_chart
from components.report.page import build_page
from pipelines.replay.host import ReplayPaths
from pipelines.replay.state import ReplayPeriod, ReplayState
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
_METRICS = {
    "calibration": "calibration_error",
    "limit": "calibration_limit",
    "AUC": "auc",
    "log loss": "log_loss",
}


def period_table(periods: Sequence[ReplayPeriod]) -> pd.DataFrame:
    """One row a period: its requests, metrics, decision, and the champion after it."""
    metrics = pd.DataFrame([period.metrics for period in periods]).reindex(
        columns=list(_METRICS.values())
    )
    table = metrics.astype(float).round(3).set_axis(list(_METRICS), axis="columns")
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
        series.append(Series("learned limit", names, limits))
    return line_chart(series, title=title, y_label=label)


def _links(state: ReplayState, folder: Path) -> Links:
    first = state.first.reports if state.first else {}
    parts: list[tuple[str, Mapping[str, str]]] = [("first model", first)]
    parts += [(period.name, period.reports) for period in state.periods]
    return Links(
        [
            (f"{part}: {name}", os.path.relpath(path, folder))
            for part, reports in parts
            for name, path in reports.items()
        ]
    )


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
