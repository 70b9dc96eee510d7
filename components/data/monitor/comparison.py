"""Columns of one table against those of another: skew against training, drift against before.

The limits are mild and their findings warnings, for what the weather does each season moves a
column further than most faults do, while the model stays right. A schema may give a column its
own limit (``skew_comparator``, ``drift_comparator``), and ``retraining.on`` makes them count.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.verdict import Finding, Severity
from components.data.monitor.distributions import Column
from components.data.monitor.drift import Distance, distance_between

Kind = Literal["skew", "drift"]
USUAL_LIMIT = 0.1
_AGAINST = {"skew": "the training rows", "drift": "the window before"}


@dataclass(frozen=True)
class Compared:
    """One column, compared.

    Attributes:
        name: The column.
        before: As it was.
        now: As it is.
        distance: How far apart; None where one of the two has no values.
        limit: What is accepted.
    """

    name: str
    before: Column
    now: Column
    distance: Distance | None
    limit: float

    @property
    def is_beyond(self) -> bool:
        """Whether it lies further away than accepted."""
        return self.distance is not None and self.distance.value > self.limit


def compare(
    before: Mapping[str, Column],
    now: Mapping[str, Column],
    names: Collection[str],
    limits: Mapping[str, float],
) -> tuple[Compared, ...]:
    """Compares the columns that both tables have, the furthest apart first.

    Args:
        before: Column by name, as it was.
        now: Column by name, as it is.
        names: The columns to compare; instants, which never come back, are not among them.
        limits: Limits other than the usual one.
    """
    both = [name for name in names if name in before and name in now]
    compared = [
        Compared(
            name,
            before[name],
            now[name],
            distance_between(before[name], now[name]),
            limits.get(name, USUAL_LIMIT),
        )
        for name in both
    ]
    return tuple(sorted(compared, key=lambda c: -(c.distance.value if c.distance else -1.0)))


def limits_in(schema: schema_pb2.Schema, kind: Kind) -> dict[str, float]:
    """The limits that a schema gives its columns."""
    found = {}
    for feature in schema.feature:
        comparator = feature.skew_comparator if kind == "skew" else feature.drift_comparator
        for name in ("infinity_norm", "jensen_shannon_divergence"):
            if comparator.HasField(name) and getattr(comparator, name).threshold > 0:
                found[feature.name] = float(getattr(comparator, name).threshold)
    return found


def judge(compared: Collection[Compared], kind: Kind, severity: Severity) -> tuple[Finding, ...]:
    """A finding for each column beyond its limit, and one for all the others.

    Args:
        compared: The columns.
        kind: ``skew`` or ``drift``.
        severity: Of a column beyond its limit.
    """
    beyond = [
        _finding(one, one.distance, kind, severity)
        for one in compared
        if one.is_beyond and one.distance
    ]
    rest = [c.distance.value for c in compared if c.distance and not c.is_beyond]
    if not rest:
        return tuple(beyond)
    text = f"{len(rest)} columns are within their limits against {_AGAINST[kind]}"
    calm = Finding(
        code=kind,
        severity=Severity.INFO,
        subject="columns",
        measured=max(rest),
        limit=USUAL_LIMIT,
        sentence=text,
    )
    return (*beyond, calm)


def _finding(one: Compared, distance: Distance, kind: Kind, severity: Severity) -> Finding:
    text = (
        f"{one.name} lies {distance.value:.3f} ({distance.measure}) from {_AGAINST[kind]}, "
        f"most at {distance.where}"
    )
    return Finding(
        code=kind,
        severity=severity,
        subject=one.name,
        measured=distance.value,
        limit=one.limit,
        sentence=text,
    )
