"""Columns compared between two tables: skew against training, drift against the window before.

The thresholds are mild and their findings warnings, because the seasons move a column further than
most faults do, while the model stays right. A schema may give a column its own threshold
(``skew_comparator``, ``drift_comparator``), and ``retraining.on`` makes the findings decide.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.verdict import Finding, Severity, finding
from components.data.monitor.distributions import (
    ColumnDistance,
    ColumnDistribution,
    distance_between,
)

DriftKind = Literal["skew", "drift"]
DEFAULT_THRESHOLD = 0.1
_AGAINST = {"skew": "the training rows", "drift": "the window before"}


@dataclass(frozen=True)
class ColumnComparison:
    """One column, compared.

    Attributes:
        name: The column.
        before: As it was.
        now: As it is.
        distance: How far they lie apart; None if one of the two has no values.
        threshold: The accepted distance.
    """

    name: str
    before: ColumnDistribution
    now: ColumnDistribution
    distance: ColumnDistance | None
    threshold: float

    @property
    def is_beyond(self) -> bool:
        """Whether the distance is beyond the threshold."""
        return self.distance is not None and self.distance.value > self.threshold


def compare_columns(
    before: Mapping[str, ColumnDistribution],
    now: Mapping[str, ColumnDistribution],
    names: Collection[str],
    thresholds: Mapping[str, float],
) -> tuple[ColumnComparison, ...]:
    """Compares the columns that both tables have, the furthest apart first.

    Args:
        before: Column by name, as it was.
        now: Column by name, as it is.
        names: The columns to compare, without instants, which never come back.
        thresholds: Thresholds other than the default.
    """
    compared = [
        ColumnComparison(
            name,
            before[name],
            now[name],
            distance_between(before[name], now[name]),
            thresholds.get(name, DEFAULT_THRESHOLD),
        )
        for name in names
        if name in before and name in now
    ]
    return tuple(sorted(compared, key=lambda c: -(c.distance.value if c.distance else -1.0)))


def schema_thresholds(schema: schema_pb2.Schema, kind: DriftKind) -> dict[str, float]:
    """The thresholds that a schema gives its columns."""
    found = {}
    for feature in schema.feature:
        comparator = feature.skew_comparator if kind == "skew" else feature.drift_comparator
        for name in ("infinity_norm", "jensen_shannon_divergence"):
            if comparator.HasField(name) and getattr(comparator, name).threshold > 0:
                found[feature.name] = float(getattr(comparator, name).threshold)
    return found


def check_columns(
    compared: Collection[ColumnComparison], kind: DriftKind, severity: Severity
) -> tuple[Finding, ...]:
    """A finding for each column beyond its threshold, and one for all the others.

    Args:
        compared: The columns.
        kind: ``skew`` or ``drift``.
        severity: Of a column beyond its threshold.
    """
    findings, within = [], []
    for one in compared:
        if one.distance and one.is_beyond:
            text = f"{one.name} lies {one.distance.value:.3f} ({one.distance.measure}) from "
            text += f"{_AGAINST[kind]}, most at {one.distance.where}"
            findings.append(
                finding(kind, severity, one.name, one.distance.value, one.threshold, text)
            )
        elif one.distance:
            within.append(one.distance.value)
    if within:
        text = f"{len(within)} columns are within their thresholds against {_AGAINST[kind]}"
        limit = DEFAULT_THRESHOLD
        findings.append(finding(kind, Severity.INFO, "columns", max(within), limit, text))
    return tuple(findings)
