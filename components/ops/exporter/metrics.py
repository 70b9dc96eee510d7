"""The metrics of watched models, made anew whenever somebody asks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from components.core.spans import SpanKind, parse_instant
from components.ops.exporter.reader import Reading
from components.ops.exporter.summary import Summary, failed, number

DECISIONS = ("healthy", "alert", "retrain", "insufficient")
_LONGEST = {
    SpanKind.HOUR: timedelta(hours=1),
    SpanKind.DAY: timedelta(days=1),
    SpanKind.MONTH: timedelta(days=31),
}
_Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True)
class Watched:
    """One model as the exporter knows it.

    Attributes:
        reading: What its audit last held; empty before it was ever read.
        is_up: Whether the last try to read it went well.
        read_at_s: When it was last read, seconds since 1970 UTC; 0: never.
    """

    reading: Reading
    is_up: bool = False
    read_at_s: float = 0.0


class AuditMetrics(Collector):
    """Collects from what is watched at that moment."""

    def __init__(self) -> None:
        self.watched: Mapping[str, Watched] = {}

    def collect(self) -> Iterator[Metric]:
        """Every metric of every model."""
        for name, text, labels, of in _GAUGES:
            family = GaugeMetricFamily(name, text, labels=("model", *labels))
            for model, watched in self.watched.items():
                for values, value in of(watched):
                    family.add_metric((model, *values), value)
            yield family
        claims = CounterMetricFamily("ratoon_retrainings", "Retrainings started", labels=["model"])
        for model, watched in self.watched.items():
            claims.add_metric([model], watched.reading.retrainings)
        yield claims


def _plain(value: float | None) -> Iterable[_Sample]:
    return () if value is None else (((), value),)


def _check_time(watched: Watched) -> Iterable[_Sample]:
    check = watched.reading.summary.check
    return _plain(parse_instant(check.as_of).timestamp() if check else None)


def _decisions(watched: Watched) -> Iterable[_Sample]:
    check = watched.reading.summary.check
    words = dict.fromkeys((*DECISIONS, check.decision)) if check else ()
    return [((word,), float(check is not None and word == check.decision)) for word in words]


def _failures(watched: Watched) -> Iterable[_Sample]:
    check = watched.reading.summary.check
    return [((code,), 1.0) for code in failed(check)] if check else ()


def _of_check(watched: Watched, name: str) -> Iterable[_Sample]:
    check = watched.reading.summary.check
    return _plain(number(check, name) if check else None)


def _champion(watched: Watched) -> Iterable[_Sample]:
    champion = watched.reading.summary.champion
    return [((champion.version,), champion.as_of_s)] if champion else ()


def _steps(watched: Watched) -> Iterable[_Sample]:
    return list(watched.reading.summary.steps.items())


def _every(summary: Summary) -> float | None:
    if summary.rhythm is None:
        return None
    every = summary.rhythm.monitoring.every
    length = every if isinstance(every, timedelta) else _LONGEST[every]
    return length.total_seconds()


def _limit(watched: Watched, field: str) -> Iterable[_Sample]:
    rhythm = watched.reading.summary.rhythm
    return _plain(getattr(rhythm.monitoring, field).total_seconds() if rhythm else None)


_GAUGES = (
    (
        "ratoon_monitor_timestamp_seconds",
        "The instant that the last monitoring run looked back from",
        (),
        _check_time,
    ),
    (
        "ratoon_monitor_decision",
        "1 for what the last monitoring run decided, 0 for what it did not",
        ("decision",),
        _decisions,
    ),
    (
        "ratoon_monitor_failed_finding",
        "1 for each finding that failed in the last monitoring run",
        ("finding",),
        _failures,
    ),
    (
        "ratoon_monitor_due_rows",
        "Rows of the last monitoring run whose label must be known",
        (),
        lambda watched: _of_check(watched, "due"),
    ),
    (
        "ratoon_monitor_labelled_rows",
        "Labelled rows that the last monitoring run judged by",
        (),
        lambda watched: _of_check(watched, "labelled"),
    ),
    (
        "ratoon_champion_timestamp_seconds",
        "The instant that the version last promoted was made for",
        ("version",),
        _champion,
    ),
    (
        "ratoon_step_timestamp_seconds",
        "The instant that a step last decided so for",
        ("step", "decision"),
        _steps,
    ),
    (
        "ratoon_monitor_every_seconds",
        "How often the spec wants the model watched",
        (),
        lambda watched: _plain(_every(watched.reading.summary)),
    ),
    (
        "ratoon_model_oldest_seconds",
        "The age of a model that the spec accepts",
        (),
        lambda watched: _limit(watched, "oldest_model"),
    ),
    (
        "ratoon_silence_seconds",
        "The time without a request that the spec accepts",
        (),
        lambda watched: _limit(watched, "silence"),
    ),
    (
        "ratoon_audit_up",
        "1 where the audit was read at the last try; 0: everything else is old",
        (),
        lambda watched: _plain(float(watched.is_up)),
    ),
    (
        "ratoon_audit_read_timestamp_seconds",
        "When the audit was last read",
        (),
        lambda watched: _plain(watched.read_at_s),
    ),
    (
        "ratoon_audit_entries",
        "Entries of the audit that were read",
        (),
        lambda watched: _plain(float(watched.reading.entries)),
    ),
    (
        "ratoon_audit_damaged_files",
        "Files of the audit that are no entry",
        (),
        lambda watched: _plain(float(watched.reading.damaged)),
    ),
)
