"""PromQL of the alerts and the dashboard, and what it asks for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as promql
import yaml

from tests.monitoring.exposed import ROOT

FOLDER = ROOT / "manifests/monitoring"
_VARIABLE = re.compile(r"\$\w+")
_VALUES = re.compile(r"label_values\((?P<selector>.+), \w+\)")


@dataclass(frozen=True)
class Alert:
    """A rule as it stands in the manifest."""

    name: str
    expression: str
    rule: dict[str, Any]


def alerts() -> list[Alert]:
    """Every alert, in order."""
    spec = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["spec"]
    return [Alert(r["alert"], r["expr"], r) for g in spec["groups"] for r in g["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    made: dict[str, Any] = json.loads((FOLDER / "ratoon.json").read_text(encoding="utf-8"))
    return made


def dashboard_queries() -> list[str]:
    """Queries of panels and of variables, with a value for each variable."""
    board = dashboard()
    panels = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
    asked = [v["definition"] for v in board["templating"]["list"] if v["type"] == "query"]
    selectors = [match["selector"] for q in asked if (match := _VALUES.fullmatch(q))]
    assert len(selectors) == len(asked)
    return [_VARIABLE.sub(".*", query) for query in (*panels, *selectors)]


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Series name and the labels it is selected by, for each selector of a query."""
    for node in _nodes(promql.parse(expression)):
        if isinstance(node, promql.VectorSelector):
            yield node.name, {matcher.name for matcher in node.matchers.matchers}


def grouped(expression: str) -> Iterator[tuple[set[str], set[str]]]:
    """The labels of each ``by``, with the series below it."""
    for node in _nodes(promql.parse(expression)):
        if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            below = {n.name for n in _nodes(node.expr) if isinstance(n, promql.VectorSelector)}
            yield set(node.modifier.labels), below


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "args"):
        below = getattr(node, name, None)
        for one in below if isinstance(below, list) else [below]:
            if one is not None:
                yield from _nodes(one)
