"""The metrics of models, made anew at every scrape."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from components.core.audit import AuditEntry
from components.core.spans import SpanKind
from components.ops.exporter.audit_summary import (
    ModelState,
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
# Gauge to its text; those with labels beside the model's are in `_LABELS`.
_GAUGES = {
    "ratoon_monitor_timestamp_seconds": "The instant that the last monitoring run looked back from",
    "ratoon_monitor_decision": "1 for what the last monitoring run decided, 0 for what it did not",
    "ratoon_monitor_failed_finding": "1 for each finding that failed in the last monitoring run",
    "ratoon_monitor_due_rows": "Rows of the last monitoring run whose label must be known",
    "ratoon_monitor_labelled_rows": "Labelled rows that the last monitoring run judged by",
    "ratoon_champion_timestamp_seconds": "The instant that the version last promoted was made for",
    "ratoon_step_timestamp_seconds": "The instant that a step last decided so for",
    "ratoon_monitor_every_seconds": "How often the spec wants the model state",
    "ratoon_model_oldest_seconds": "The age of a model that the spec accepts",
    "ratoon_silence_seconds": "The time without a request that the spec accepts",
    "ratoon_audit_up": "1 where the audit was read at the last try; 0: everything else is old",
    "ratoon_audit_read_timestamp_seconds": "When the audit was last read",
    "ratoon_audit_entries": "Entries of the audit that were read",
    "ratoon_audit_damaged_files": "Files of the audit that are no entry",
}
_LABELS = {
    "ratoon_monitor_decision": ("decision",),
    "ratoon_monitor_failed_finding": ("finding",),
    "ratoon_champion_timestamp_seconds": ("version",),
    "ratoon_step_timestamp_seconds": ("step", "decision"),
}
# The gauge, the values of its labels, and its value.
_Sample = tuple[str, tuple[str, ...], float]


class AuditMetrics(Collector):
    """Collects from the state of every model at that moment."""

    def __init__(self) -> None:
        self.models: Mapping[str, ModelState] = {}

    def collect(self) -> Iterator[Metric]:
        """Yields every metric of every model."""
        gauges = {
            name: GaugeMetricFamily(name, text, labels=("model", *_LABELS.get(name, ())))
            for name, text in _GAUGES.items()
        }
        claims = CounterMetricFamily("ratoon_retrainings", "Retrainings started", labels=["model"])
        for model, state in self.models.items():
            claims.add_metric([model], state.retrainings)
            for name, labels, value in _samples(state):
                gauges[name].add_metric((model, *labels), value)
        yield from (*gauges.values(), claims)


def _samples(state: ModelState) -> Iterator[_Sample]:
    summary = state.summary
    yield "ratoon_audit_up", (), float(state.is_up)
    yield "ratoon_audit_read_timestamp_seconds", (), state.read_at_s
    yield "ratoon_audit_entries", (), float(state.entries)
    yield "ratoon_audit_damaged_files", (), float(state.damaged)
    for decided, as_of_s in summary.steps.items():
        yield "ratoon_step_timestamp_seconds", decided, as_of_s
    if summary.promotion:
        version, as_of = summary.promotion.version or "", summary.promotion.as_of
        yield "ratoon_champion_timestamp_seconds", (version,), as_of.timestamp()
    if summary.check:
        yield from _of_check(summary.check)
    monitoring = monitoring_of(summary.plan) if summary.plan else None
    if monitoring:
        every = monitoring.every
        length = every if isinstance(every, timedelta) else _LONGEST[every]
        yield "ratoon_monitor_every_seconds", (), length.total_seconds()
        yield "ratoon_model_oldest_seconds", (), monitoring.max_model_age.total_seconds()
        yield "ratoon_silence_seconds", (), monitoring.max_silence.total_seconds()


def _of_check(check: AuditEntry) -> Iterator[_Sample]:
    yield "ratoon_monitor_timestamp_seconds", (), check.as_of.timestamp()
    for word in dict.fromkeys((*DECISIONS, check.decision)):
        yield "ratoon_monitor_decision", (word,), float(word == check.decision)
    for code in failed_findings(check):
        yield "ratoon_monitor_failed_finding", (code,), 1.0
    for name in ("due", "labelled"):
        rows = metric(check, name)
        if rows is not None:
            yield f"ratoon_monitor_{name}_rows", (), rows
