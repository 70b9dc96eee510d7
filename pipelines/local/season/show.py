"""A season's table and closing lines on a terminal."""

import json
import re
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from pipelines.local.season.ledger import Ledger, Month
from pipelines.local.season.places import Places
from pipelines.local.season.requests import Request

NOTE = (
    "An illustrative replay: the settings were chosen knowing the year; nothing in the data is "
    "altered."
)
_COLUMNS = ("", "requests", "calibr.", "AUC", "log loss", "decision", "champion")
_VERSION = re.compile(r"(\d{4})(\d\d)(\d\d)T\d{4}-[0-9a-f]{8}(.*)")


def show_season(console: Console, ledger: Ledger, places: Places) -> None:
    """Writes the table, the index page's path and what can be done next."""
    table = Table(
        *_COLUMNS,
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        title=f"The season of {ledger.model}",
        title_justify="left",
    )
    for month in ledger.months:
        table.add_row(*row_of(month))
    console.print(table)
    console.print(NOTE, style="dim")
    console.print(f"Every report: {places.index.resolve()}", soft_wrap=True)
    console.print(f"The same as data: {places.summary}", soft_wrap=True)


def row_of(month: Month) -> Sequence[str]:
    """One stretch as the table's row."""
    metrics = month.metrics
    return (
        month.name,
        f"{month.requests:,}",
        number(metrics.get("calibration_error")),
        number(metrics.get("auc")),
        number(metrics.get("log_loss")),
        decision_of(month),
        champion_of(month),
    )


def number(value: float | None) -> str:
    """A metric with three decimals, a dash where it could not be measured."""
    return "-" if value is None else f"{value:.3f}"


def decision_of(month: Month) -> str:
    """The monitoring run's decision, and what came of a retraining."""
    outcome = month.outcome.rpartition(": ")[2]
    return f"{month.decision} → {outcome}" if outcome else month.decision


def champion_of(month: Month) -> str:
    """Who serves after the stretch, by the day it was trained for; an arrow if it is new."""
    after = _VERSION.sub(r"\1-\2-\3\4", month.champion_after)
    return after if month.champion_before == month.champion_after else f"→ {after}"


def show_next(console: Console, url: str, request: Request) -> None:
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


def first_row(request: Request) -> dict[str, object]:
    """The first example of a request as a row of the v1 protocol."""
    inputs = json.loads(request.body)["inputs"]
    return {tensor["name"]: tensor["data"][0] for tensor in inputs}
