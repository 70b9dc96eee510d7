"""What findings come to, and when a retraining may start."""

import pytest

from components.core.audit import RetrainingClaim as Claim
from components.core.spans import parse_instant
from components.core.spec import RetrainingPolicy
from components.core.verdict import Finding, Severity
from components.data.monitor.decision import decide, retraining_block

ON = ("performance", "calibration")


def finding(code, severity="fail"):
    return Finding(
        code=code,
        severity=Severity(severity),
        subject="x",
        measured=None,
        limit=None,
        sentence=f"{code} says so",
    )


@pytest.mark.parametrize(
    ("failed", "decision"),
    [
        ([], "healthy"),
        (["calibration"], "retrain"),
        (["schema", "calibration"], "retrain"),
        (["schema"], "alert"),
        (["skew"], "alert"),
        (["silence"], "alert"),
        (["labels"], "alert"),
        (["rows"], "insufficient"),
        (["limits"], "insufficient"),
        (["champion"], "insufficient"),
        (["rows", "labels", "silence"], "insufficient"),
        (["rows", "schema"], "alert"),  # a broken column is told of although labels lack
        (["rows", "calibration"], "retrain"),
    ],
)
def test_decisions(failed, decision):
    findings = [*map(finding, failed), finding("age", "info"), finding("drift", "warn")]
    assert decide(findings, ON, None).decision == decision


def test_without_findings_nothing_is_healthy():
    assert decide([], ON, None).decision == "insufficient"


def test_a_blocked_retraining_is_an_alert_with_the_reason():
    decided = decide([finding("calibration")], ON, "the cool-down lasts")
    assert decided.decision == "alert"
    assert decided.reason == "calibration says so; no retraining, for the cool-down lasts"
    assert (decided.trigger, decided.blocked) == ("calibration says so", "the cool-down lasts")


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        (
            [finding("performance"), finding("calibration")],
            "performance says so (and 1 more finding)",
        ),
        ([finding("calibration", "info")], "calibration says so"),
        (
            [finding("skew", "warn"), finding("drift", "warn"), finding("calibration", "info")],
            "calibration says so; 2 warnings",
        ),
        ([finding("rows"), finding("silence")], "rows says so (and 1 more finding)"),
    ],
)
def test_the_reason_is_one_sentence(findings, reason):
    assert decide(findings, ON, None).reason == reason


def claims(*days):
    return [Claim(run=f"run-{day}", as_of=f"2024-{day}", reason="") for day in days]


@pytest.mark.parametrize(
    ("past", "as_of", "blocked"),
    [
        ([], "2024-03-01", None),
        (["02-20"], "2024-03-01", "lasts until 2024-03-11T00:00:00Z"),  # 20 days from 20 February
        (["02-20"], "2024-03-10", "cool-down of 20d"),
        (["02-20"], "2024-03-11", None),  # the cool-down's end is not in it
        (["03-01"], "2024-03-01", "cool-down"),
        (["06-01"], "2024-03-01", "cool-down"),  # a replay of the past
        # Three in 90 days; the first leaves the period on 2024-01-02 + 90 days.
        (["01-02", "01-23", "02-13"], "2024-03-20", "until 2024-04-01T00:00:00Z"),
        (["01-02", "01-23", "02-13"], "2024-04-01", None),
        (["01-02", "01-23"], "2024-03-20", None),
        (["01-01", "01-02", "01-23", "02-13"], "2024-03-20", "until 2024-04-01T00:00:00Z"),
    ],
)
def test_cool_down_and_budget(past, as_of, blocked):
    rule = RetrainingPolicy(cool_down="20d", budget="3 per 90d")
    found = retraining_block(rule, claims(*past), "now", parse_instant(as_of))
    assert found is None if blocked is None else blocked in found


def test_a_run_is_not_blocked_by_its_own_claim():
    rule = RetrainingPolicy(cool_down="20d", budget="1 per 90d")
    assert retraining_block(rule, claims("02-20"), "run-02-20", parse_instant("2024-02-20")) is None


def test_a_budget_of_zero_always_blocks():
    rule = RetrainingPolicy(cool_down="0d", budget="0 per 90d")
    assert "budget of 0" in retraining_block(rule, [], "now", parse_instant("2024-02-20"))
