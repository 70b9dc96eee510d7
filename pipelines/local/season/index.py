"""The page that a season ends with: the months in pictures, and a link to every report."""

import os
from collections.abc import Mapping
from pathlib import Path

from components.core.report import (
    Banner,
    Block,
    Figure,
    Links,
    Page,
    Row,
    Section,
    Series,
    Table,
    line_chart,
    render,
)
from pipelines.local.season.ledger import Ledger, Month
from pipelines.local.season.show import NOTE, champion_of, decision_of

_CHARTS = (
    ("calibration_error", "Calibration error", "promised against observed"),
    ("auc", "AUC", "0.5 is chance"),
    ("log_loss", "Log loss", "lower is better"),
    ("rate", "Rate of positives", "what the world did"),
)

_MEASURED = ("calibration_error", "calibration_limit", "auc", "log_loss")


def index_page(ledger: Ledger, description: str, folder: Path) -> str:
    """The page as HTML; links are relative to the folder that it will lie in."""
    months = ledger.months
    retrained = [m for m in months if m.champion_before != m.champion_after]
    refused = [m for m in months if m.outcome and m not in retrained]
    sentence = (
        f"{sum(m.rows for m in months):,} live predictions. {len(retrained)} challenger(s) proved "
        f"better and serve; {len(refused)} did not and were refused."
    )
    blocks: list[Block] = [
        Banner(f"{len(months)} stretches of live traffic", sentence, "neutral"),
        Row([Figure(_chart(months, *chart), "") for chart in _CHARTS]),
        Table(
            ("", "requests", "calibration", "limit", "AUC", "log loss", "decision", "champion"),
            [_row(month) for month in months],
            "The season",
        ),
        Section("Reports", NOTE, [_links(ledger, folder)]),
    ]
    return render(Page(f"The season of {ledger.model}", description, blocks))


def _chart(months: tuple[Month, ...], metric: str, title: str, label: str) -> str:
    names = [month.name for month in months]
    values = [month.metrics.get(metric) for month in months]
    series = [Series(title, names, values)]
    if metric == "calibration_error":
        limits = [month.metrics.get("calibration_limit") for month in months]
        series.append(Series("learned limit", names, limits))
    return line_chart(series, title=title, y_label=label)


def _row(month: Month) -> tuple[object, ...]:
    metrics = month.metrics
    return (
        month.name,
        month.requests,
        *(_rounded(metrics.get(name)) for name in _MEASURED),
        decision_of(month),
        champion_of(month),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _links(ledger: Ledger, folder: Path) -> Links:
    first = ledger.first.reports if ledger.first else {}
    parts: list[tuple[str, Mapping[str, str]]] = [("first model", first)]
    parts += [(month.name, month.reports) for month in ledger.months]
    return Links(
        [
            (f"{part}: {name}", os.path.relpath(path, folder))
            for part, reports in parts
            for name, path in reports.items()
        ]
    )
