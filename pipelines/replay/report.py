"""What a replay came to: a table on the terminal, and a page that links every report."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as TerminalTable

from components.report.blocks import Banner, Block, Figure, Row, Section
from components.report.charts.line import Series, line_chart
from components.report.page import build_page
from components.report.tables import Links, Table
from pipelines.replay.host import ReplayPaths
from pipelines.replay.requests import ReplayRequest
from pipelines.replay.state import ReplayPeriod, ReplayState

NOTE = (
    "An illustrative replay: the settings were chosen knowing the year; nothing in the data is "
    "altered."
)
_COLUMNS = ("", "requests", "calibr.", "AUC", "log loss", "decision", "champion")
_VERSION = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{4}-[0-9a-f]{8}(.*)")
_CHARTS = (
    ("calibration_error", "Calibration error", "promised against observed"),
    ("auc", "AUC", "0.5 is chance"),
    ("log_loss", "Log loss", "lower is better"),
    ("rate", "Rate of positives", "what the world did"),
)
_MEASURED = ("calibration_error", "calibration_limit", "auc", "log_loss")


def index_page(state: ReplayState, description: str, folder: Path) -> str:
    """The page as HTML; links are relative to the folder that it will lie in."""
    periods = state.periods
    retrained = [m for m in periods if m.champion_before != m.champion_after]
    refused = [m for m in periods if m.outcome and m not in retrained]
    sentence = (
        f"{sum(m.rows for m in periods):,} live predictions. {len(retrained)} challenger(s) proved "
        f"better and serve; {len(refused)} did not and were refused."
    )
    blocks: list[Block] = [
        Banner(f"{len(periods)} periods of live traffic", sentence, "neutral"),
        Row([Figure(_chart(periods, *chart), "") for chart in _CHARTS]),
        Table(
            ("", "requests", "calibration", "limit", "AUC", "log loss", "decision", "champion"),
            [_row(period) for period in periods],
            "The replay",
        ),
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


def _row(period: ReplayPeriod) -> tuple[object, ...]:
    metrics = period.metrics
    return (
        period.name,
        period.requests,
        *(_rounded(metrics.get(name)) for name in _MEASURED),
        decision_cell(period),
        champion_cell(period),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


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
    table = TerminalTable(
        *_COLUMNS,
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        title=f"The replay of {state.model}",
        title_justify="left",
    )
    for period in state.periods:
        table.add_row(*row_of(period))
    console.print(table)
    console.print(NOTE, style="dim")
    console.print(f"Every report: {paths.index.resolve()}", soft_wrap=True)
    console.print(f"The same as data: {paths.summary}", soft_wrap=True)


def row_of(period: ReplayPeriod) -> Sequence[str]:
    """One period as the table's row."""
    metrics = period.metrics
    return (
        period.name,
        f"{period.requests:,}",
        number(metrics.get("calibration_error")),
        number(metrics.get("auc")),
        number(metrics.get("log_loss")),
        decision_cell(period),
        champion_cell(period),
    )


def number(value: float | None) -> str:
    """A metric with three decimals, a dash where it could not be measured."""
    return "-" if value is None else f"{value:.3f}"


def decision_cell(period: ReplayPeriod) -> str:
    """The monitoring run's decision, and what came of a retraining."""
    outcome = period.outcome.rpartition(": ")[2]
    return f"{period.decision} → {outcome}" if outcome else period.decision


def champion_cell(period: ReplayPeriod) -> str:
    """Who serves after the period, by the day it was trained for; an arrow if it is new."""
    after = _VERSION.sub(r"\1-\2-\3\4", period.champion_after)
    return after if period.champion_before == period.champion_after else f"→ {after}"


def show_next(console: Console, url: str, request: ReplayRequest) -> None:
    """Writes a curl line that works against the server that still runs, and how to stop it.

    Args:
        console: The terminal.
        url: Where predictions are asked for by the v1 protocol.
        request: A request to take the example from.
    """
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
    """Sums what the Makefile noted as it made each environment.

    Args:
        envs: The folder of the environments; each holds its seconds in ``.made``.

    Returns:
        Seconds; None if nothing was noted.
    """
    notes = [note.read_text().strip() for note in sorted(envs.glob("*/.made"))]
    seconds = [float(note) for note in notes if note]
    return sum(seconds) if seconds else None
