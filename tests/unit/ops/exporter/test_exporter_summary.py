from datetime import UTC, datetime, timedelta

import pytest

from components.core.audit import AuditEntry
from components.core.spec.operation import Monitoring
from components.ops.exporter.audit_summary import (
    AuditSummary,
    ModelState,
    add_entry,
    failed_findings,
)
from components.ops.exporter.metrics import AuditMetrics


def entry(step, as_of, decision, version=None, **details) -> AuditEntry:
    return AuditEntry(
        run=f"run-{as_of}",
        step=step,
        model="flights",
        as_of=as_of,
        version=version,
        decision=decision,
        reason="because",
        digests={},
        details=details,
    )


def at(text) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def noted(*entries) -> AuditSummary:
    summary = AuditSummary()
    for one in entries:
        summary = add_entry(summary, one)
    return summary


def samples(summary: AuditSummary) -> dict[tuple, float]:
    metrics = AuditMetrics()
    metrics.models = {"flights": ModelState(summary, 2, 7, 1, True, 5.0)}
    return {
        (s.name, *(v for k, v in s.labels.items() if k != "model")): s.value
        for family in metrics.collect()
        for s in family.samples
    }


PROMOTED = [
    entry("rollout", "2013-07-01T00:00:00Z", "promoted", "v1"),
    entry("rollout", "2013-08-01T00:00:00Z", "rolled_back", "v2"),
    entry("approve", "2013-09-01T00:00:00Z", "promoted", "v3"),
    entry("approve", "2013-10-01T00:00:00Z", "rolled_back", "v4"),
]


@pytest.mark.parametrize("order", [PROMOTED, PROMOTED[::-1]], ids=["oldest first", "newest first"])
def test_the_champion_is_what_was_promoted_last_for(order):
    summary = noted(*order)
    assert summary.promotion.version == "v3"
    assert summary.promotion.as_of.timestamp() == at("2013-09-01")
    assert summary.steps == {
        ("rollout", "promoted"): at("2013-07-01"),
        ("rollout", "rolled_back"): at("2013-08-01"),
        ("approve", "promoted"): at("2013-09-01"),
        ("approve", "rolled_back"): at("2013-10-01"),
    }


CHECKS = [
    entry("monitor", "2013-08-01T00:00:00Z", "healthy", metrics={"due": 10}, failures=[]),
    entry(
        "monitor",
        "2013-09-01T00:00:00Z",
        "alert",
        metrics={"due": 100.0, "labelled": 60.0, "auc": None},
        failures=[{"code": "labels"}, {"code": "age"}, {"code": "labels"}],
    ),
]


@pytest.mark.parametrize("order", [CHECKS, CHECKS[::-1]], ids=["oldest first", "newest first"])
def test_the_last_monitoring_run(order):
    summary = noted(*order)
    assert failed_findings(summary.check) == ("age", "labels")
    seen = samples(summary)
    assert seen["ratoon_monitor_timestamp_seconds",] == at("2013-09-01")
    assert {k[1]: v for k, v in seen.items() if k[0] == "ratoon_monitor_decision"} == {
        "healthy": 0,
        "alert": 1,
        "retrain": 0,
        "insufficient": 0,
    }
    assert seen["ratoon_monitor_failed_finding", "labels"] == 1
    assert seen["ratoon_monitor_failed_finding", "age"] == 1
    assert (seen["ratoon_monitor_due_rows",], seen["ratoon_monitor_labelled_rows",]) == (100, 60)


@pytest.mark.parametrize(
    ("every", "seconds"),
    [("hour", 3600), ("day", 86400), ("month", 31 * 86400), ("36h", 36 * 3600)],
)
def test_the_wishes_of_the_spec_are_read_from_the_last_plan(every, seconds):
    wanted = Monitoring(every=every, max_model_age=timedelta(days=90), max_silence="3d")
    kept = {"purpose": "monitor", "monitoring": wanted.model_dump(mode="json")}
    older = {"monitoring": Monitoring(every="2h").model_dump(mode="json")}
    seen = samples(
        noted(
            entry("plan", "2013-08-02T00:00:00Z", "planned", **kept),
            entry("plan", "2013-08-01T00:00:00Z", "planned", **older),
            entry("plan", "2013-08-03T00:00:00Z", "planned", purpose="monitor"),
            entry("plan", "2013-08-04T00:00:00Z", "planned", monitoring={"every": "of a release"}),
        )
    )
    assert seen["ratoon_monitor_every_seconds",] == seconds
    assert seen["ratoon_model_oldest_seconds",] == 90 * 86400
    assert seen["ratoon_silence_seconds",] == 3 * 86400


def test_what_is_not_known_is_not_said():
    seen = samples(AuditSummary())
    assert seen == {
        ("ratoon_audit_up",): 1,
        ("ratoon_audit_read_timestamp_seconds",): 5,
        ("ratoon_audit_entries",): 7,
        ("ratoon_audit_damaged_files",): 1,
        ("ratoon_retrainings_total",): 2,
    }


def test_an_entry_without_an_instant_is_refused():
    with pytest.raises(ValueError, match="not an instant"):
        add_entry(AuditSummary(), entry("plan", "yesterday", "planned"))
