"""The metrics of models, made anew at every scrape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from components.core.spans import SpanKind
from components.core.spec.operation import Monitoring
from components.ops.exporter.audit_summary import (
    AuditReading,
    failed_findings,
    metric,
    monitoring_of,
)

DECISIONS = ("healthy", "alert", "retrain", "insufficient")
_LONGEST = {
    SpanKind.HOUR: timedelta(hours=1),
    SpanKind.DAY: timedelta(days=1),
    SpanKind.MONTH: timedelta(days=31),
}
_Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True)
class ModelState:
    """One model as the exporter knows it.

    Attributes:
        reading: The last reading of its audit; empty before the first.
        is_up: Whether the last try to read it succeeded.
        read_at_s: When it was last read, seconds since 1970 UTC; 0 for never.
    """

    reading: AuditReading
    is_up: bool = False
    read_at_s: float = 0.0


class AuditMetrics(Collector):
    """Collects from the state of every model at that moment."""

    def __init__(self) -> None:
        self.models: Mapping[str, ModelState] = {}

    def collect(self) -> Iterator[Metric]:
        """Yields every metric of every model."""
        for name, text, samples, labels in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=("model", *labels))
            for model, state in self.models.items():
                for values, value in samples(state):
                    family.add_metric((model, *values), value)
            yield family
        claims = CounterMetricFamily("ratoon_retrainings", "Retrainings started", labels=["model"])
        for model, state in self.models.items():
            claims.add_metric([model], state.reading.retrainings)
        yield claims


def _plain(value: float | None) -> Iterable[_Sample]:
    return () if value is None else (((), value),)


def _check_time(state: ModelState) -> Iterable[_Sample]:
    check = state.reading.summary.check
    return _plain(check.as_of.timestamp() if check else None)


def _decisions(state: ModelState) -> Iterable[_Sample]:
    check = state.reading.summary.check
    words = dict.fromkeys((*DECISIONS, check.decision)) if check else ()
    return [((word,), float(check is not None and word == check.decision)) for word in words]


def _failures(state: ModelState) -> Iterable[_Sample]:
    check = state.reading.summary.check
    return [((code,), 1.0) for code in failed_findings(check)] if check else ()


def _of_check(state: ModelState, name: str) -> Iterable[_Sample]:
    check = state.reading.summary.check
    return _plain(metric(check, name) if check else None)


def _champion(state: ModelState) -> Iterable[_Sample]:
    promotion = state.reading.summary.promotion
    return [((promotion.version or "",), promotion.as_of.timestamp())] if promotion else ()


def _steps(state: ModelState) -> Iterable[_Sample]:
    return list(state.reading.summary.steps.items())


def _every(state: ModelState) -> Iterable[_Sample]:
    monitoring = _monitoring(state)
    if monitoring is None:
        return ()
    every = monitoring.every
    length = every if isinstance(every, timedelta) else _LONGEST[every]
    return _plain(length.total_seconds())


def _limit(state: ModelState, field: str) -> Iterable[_Sample]:
    monitoring = _monitoring(state)
    return _plain(getattr(monitoring, field).total_seconds() if monitoring else None)


def _monitoring(state: ModelState) -> Monitoring | None:
    plan = state.reading.summary.plan
    return monitoring_of(plan) if plan else None


class _Gauge(NamedTuple):
    name: str
    text: str
    samples: Callable[[ModelState], Iterable[_Sample]]
    labels: tuple[str, ...] = ()


_GAUGES = (
    _Gauge(
        "ratoon_monitor_timestamp_seconds",
        "The instant that the last monitoring run looked back from",
        _check_time,
    ),
    _Gauge(
        "ratoon_monitor_decision",
        "1 for what the last monitoring run decided, 0 for what it did not",
        _decisions,
        ("decision",),
    ),
    _Gauge(
        "ratoon_monitor_failed_finding",
        "1 for each finding that failed in the last monitoring run",
        _failures,
        ("finding",),
    ),
    _Gauge(
        "ratoon_monitor_due_rows",
        "Rows of the last monitoring run whose label must be known",
        lambda state: _of_check(state, "due"),
    ),
    _Gauge(
        "ratoon_monitor_labelled_rows",
        "Labelled rows that the last monitoring run judged by",
        lambda state: _of_check(state, "labelled"),
    ),
    _Gauge(
        "ratoon_champion_timestamp_seconds",
        "The instant that the version last promoted was made for",
        _champion,
        ("version",),
    ),
    _Gauge(
        "ratoon_step_timestamp_seconds",
        "The instant that a step last decided so for",
        _steps,
        ("step", "decision"),
    ),
    _Gauge(
        "ratoon_monitor_every_seconds",
        "How often the spec wants the model state",
        _every,
    ),
    _Gauge(
        "ratoon_model_oldest_seconds",
        "The age of a model that the spec accepts",
        lambda state: _limit(state, "max_model_age"),
    ),
    _Gauge(
        "ratoon_silence_seconds",
        "The time without a request that the spec accepts",
        lambda state: _limit(state, "max_silence"),
    ),
    _Gauge(
        "ratoon_audit_up",
        "1 where the audit was read at the last try; 0: everything else is old",
        lambda state: _plain(float(state.is_up)),
    ),
    _Gauge(
        "ratoon_audit_read_timestamp_seconds",
        "When the audit was last read",
        lambda state: _plain(state.read_at_s),
    ),
    _Gauge(
        "ratoon_audit_entries",
        "Entries of the audit that were read",
        lambda state: _plain(float(state.reading.entries)),
    ),
    _Gauge(
        "ratoon_audit_damaged_files",
        "Files of the audit that are no entry",
        lambda state: _plain(float(state.reading.damaged)),
    ),
)
