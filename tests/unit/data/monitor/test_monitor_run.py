"""Whole checks on real files: observe, then judge."""

import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from monitor_factories import (
    AS_OF,
    CALM,
    DAY,
    MOVED,
    WINDOW,
    make_plan,
    write_champion,
    write_days,
    write_no_labels,
    write_plan,
)

from components.core import audit
from components.core.artifacts import LIMITS, STATISTICS, VERDICT
from components.core.verdict import Finding, Severity, Verdict
from components.data.monitor.decision import MonitorDecision
from components.data.monitor.run import MonitorPaths, decide_and_claim, monitor
from components.data.observe.run import observe

SPEC = "monitoring: {every: 10d, min_rows: 500}\n"


def run(root, plan, run_id="run-1"):
    folder = write_plan(plan, root)
    observe(folder, root / "observations")
    paths = MonitorPaths(folder, root / "observations", root / "verdict", root / "report.html")
    verdict = monitor(paths, run_id)
    assert Verdict.read(root / "verdict" / VERDICT) == verdict
    return verdict


@pytest.fixture
def lender(tmp_path):
    """A champion, a calm window before, and a watched window for each test to fill."""
    write_champion(tmp_path)
    write_days(tmp_path, AS_OF - 2 * WINDOW, 10)
    return tmp_path


def watched(root, positives=CALM, **others):
    write_days(root, AS_OF - WINDOW, 10, positives, **others)


def by_code(verdict, code):
    return [f for f in verdict.findings if f.code == code]


def test_a_model_that_is_as_good_as_it_was_is_healthy(lender):
    watched(lender)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "healthy", verdict
    assert verdict.failures == ()
    # The last row, of 23:06, has a label that is known an hour later.
    numbers = verdict.metrics
    assert numbers["rows"] == 1000
    assert numbers["labelled"] == 999
    assert numbers["auc"] == pytest.approx(0.8, abs=0.002)
    assert numbers["brier"] == pytest.approx(0.16, abs=0.002)
    assert numbers["calibration_error"] == pytest.approx(0, abs=0.002)
    # Of blocks .02, .03, .05: mean .0333, sd .0153; t(.8, 2) = 1.061 times sd times sqrt(4/3).
    assert numbers["calibration_limit"] == pytest.approx(0.0333 + 1.061 * 0.0153 * 1.1547, abs=1e-4)
    assert numbers["mean_probability"] == pytest.approx(0.5, abs=0.002)
    assert "calibration error is 0.00" in verdict.reason


def test_a_model_that_lost_its_calibration_is_retrained_once(lender):
    watched(lender, MOVED)
    plan = make_plan(lender)
    verdict = run(lender, plan)
    assert verdict.decision == "retrain"
    assert "calibration error is 0.2" in verdict.reason
    assert "threshold of 0.052" in verdict.reason
    (claim,) = audit.retrainings(plan.spec.serving.audit_uri)
    assert (claim.run, claim.as_of) == ("run-1", plan.as_of)
    (entry,) = audit.entries(plan.spec.serving.audit_uri, "run-1")
    assert (entry.step, entry.decision, entry.version) == ("monitor", "retrain", "v1")


def test_a_restarted_run_finds_its_own_claim(lender):
    watched(lender, MOVED)
    plan = make_plan(lender)
    first = run(lender, plan)
    page = (lender / "report.html").read_bytes()
    assert run(lender, plan) == first
    assert (lender / "report.html").read_bytes() == page
    assert len(audit.retrainings(plan.spec.serving.audit_uri)) == 1


def test_another_run_in_the_cool_down_starts_nothing(lender):
    watched(lender, MOVED)
    plan = make_plan(lender)
    run(lender, plan)
    verdict = run(lender, plan, "run-2")
    assert verdict.decision == "alert"
    assert "cool-down of 7d" in verdict.reason
    assert "until 2024-03-28T00:00:00Z" in verdict.reason
    assert "until 2024-03-28T00:00:00Z" in (lender / "report.html").read_text()
    assert len(audit.retrainings(plan.spec.serving.audit_uri)) == 1


def test_of_many_monitors_at_once_one_starts_a_retraining(tmp_path):
    plan = make_plan(tmp_path)
    finding = Finding(
        code="calibration",
        severity=Severity.FAIL,
        subject="calibration_error",
        measured=0.2,
        limit=0.05,
        sentence="it is off",
    )
    gate, decided = threading.Barrier(8), []

    def one(number):
        gate.wait()
        decided.append(decide_and_claim(plan, (finding,), f"run-{number}").decision)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decided) == [MonitorDecision.ALERT] * 7 + [MonitorDecision.RETRAIN]
    assert len(audit.retrainings(plan.spec.serving.audit_uri)) == 1


def test_without_a_cool_down_the_budget_still_counts(tmp_path):
    plan = make_plan(tmp_path, SPEC + "retraining: {cool_down: 0d, budget: 2 per 10d}")
    finding = Finding(
        code="calibration", severity=Severity.FAIL, subject="x", measured=1, limit=0, sentence="off"
    )
    found = [decide_and_claim(plan, (finding,), f"run-{n}") for n in range(3)]
    assert [f.decision for f in found] == ["retrain", "retrain", "alert"]
    assert "budget of 2 retrainings in 10d" in found[2].reason


def test_a_finding_that_is_not_in_on_alerts(lender):
    watched(lender, MOVED)
    verdict = run(lender, make_plan(lender, SPEC + "retraining: {on: [age]}"))
    assert verdict.decision == "alert"
    assert audit.retrainings(make_plan(lender).spec.serving.audit_uri) == ()


def test_no_champion_is_never_healthy(lender):
    watched(lender)
    plan = make_plan(lender).model_copy(update={"champion": None})
    verdict = run(lender, plan)
    assert verdict.decision == "insufficient"
    assert "nothing serves" in verdict.reason
    assert verdict.metrics["rows"] == 1000


@pytest.mark.parametrize("name", [LIMITS, STATISTICS.format(split="train"), "schema.pbtxt"])
def test_a_champion_that_cannot_be_read_is_never_healthy(lender, name):
    watched(lender)
    (lender / "champion" / name).write_bytes(b"\xff broken")
    verdict = run(lender, make_plan(lender))
    assert (verdict.decision, by_code(verdict, "champion")[0].severity) == ("insufficient", "fail")
    assert name in verdict.reason
    (lender / "champion" / name).unlink()
    assert "no such file" in run(lender, make_plan(lender)).reason


def test_another_version_in_the_champions_folder_is_not_the_champion(lender):
    watched(lender)
    plan = make_plan(lender)
    other = plan.champion.model_copy(update={"version": "v7"})
    assert run(lender, plan.model_copy(update={"champion": other})).decision == "insufficient"


def test_no_traffic_is_insufficient(lender):
    write_no_labels(lender, AS_OF - WINDOW, 10)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "insufficient"
    assert by_code(verdict, "silence")[0].severity == "fail"
    assert verdict.metrics["rows"] == 0
    assert verdict.metrics["auc"] is None


def test_no_labels_are_insufficient(lender):
    watched(lender, labelled=False)
    write_no_labels(lender, AS_OF - WINDOW, 10)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "insufficient"
    assert verdict.reason.startswith("0 of the 1,000 rows of the window are labelled")
    assert by_code(verdict, "labels")[0].measured == 0


def test_few_labels_cannot_start_a_retraining(lender):
    watched(lender, MOVED)
    verdict = run(lender, make_plan(lender, "monitoring: {every: 10d, min_rows: 1000}"))
    assert verdict.decision == "insufficient"
    assert by_code(verdict, "calibration")[0].severity == "warn"


def test_silent_traffic_alerts_although_there_are_enough_rows(lender):
    write_days(lender, AS_OF - WINDOW, 7)
    write_no_labels(lender, AS_OF - 3 * DAY, 3)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "alert"
    assert "silent for more than 2d" in verdict.reason


def test_an_old_model_is_an_alert_or_a_retraining(lender):
    watched(lender)
    old = "monitoring: {every: 10d, min_rows: 500, max_model_age: 20d}\n"
    assert run(lender, make_plan(lender, old)).decision == "alert"
    assert run(lender, make_plan(lender, old + "retraining: {on: [age]}")).decision == "retrain"


def test_thresholds_may_be_given(lender):
    watched(lender)
    given = "monitoring: {every: 10d, min_rows: 500, thresholds: {auc: 0.9}, "
    given += "calibration: {max_error: 0.01}}"
    verdict = run(lender, make_plan(lender, given))
    assert verdict.decision == "retrain"
    assert [(f.subject, f.limit) for f in verdict.failures] == [("auc", 0.9)]
    assert verdict.metrics["calibration_limit"] == 0.01


def test_without_thresholds_nothing_is_healthy(lender):
    write_champion(lender, blocks=())
    watched(lender)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "insufficient"
    assert "no threshold for" in verdict.reason


def test_skew_warns_or_retrains_by_the_spec(lender):
    watched(lender, town=pa.array(["west"] * 100))
    plan = make_plan(lender)
    verdict = run(lender, plan)
    assert verdict.decision == "healthy"
    skew = by_code(verdict, "skew")[0]
    # All west where a fifth was: the share of west differs by .8, north's by .5.
    assert (skew.severity, skew.subject, skew.measured) == (
        "warn",
        "town",
        pytest.approx(0.8, abs=0.01),
    )
    assert by_code(verdict, "drift")[0].subject == "town"
    assert run(lender, make_plan(lender, SPEC + "retraining: {on: [skew]}")).decision == "retrain"


def test_a_missing_column_alerts(lender):
    watched(lender, amount=pa.array([None] * 60 + [1] * 40, pa.int64()))
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "alert"
    missing = by_code(verdict, "missing")[0]
    assert (missing.subject, missing.measured) == ("amount", pytest.approx(0.6))
    assert any(f.code.startswith("schema_") for f in verdict.failures)


def test_the_champions_own_rows_are_judged_if_there_are_enough(lender):
    """Six calm days of the champion and four bad ones of another version."""
    write_days(lender, AS_OF - WINDOW, 4, MOVED, version="v0")
    write_days(lender, AS_OF - WINDOW + 4 * DAY, 6)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "healthy"
    assert verdict.metrics["rows"] == 600
    verdict = run(lender, make_plan(lender, "monitoring: {every: 10d, min_rows: 700}"))
    assert verdict.metrics["rows"] == 1000
    assert "the rows of all versions are judged" in by_code(verdict, "versions")[0].sentence


def test_the_report_shows_earlier_checks(lender):
    watched(lender)
    earlier = AS_OF - WINDOW
    write_days(lender, AS_OF - 3 * WINDOW, 10)
    run(lender, make_plan(lender, as_of=earlier), "run-0")
    verdict = run(lender, make_plan(lender))
    page = (lender / "report.html").read_text()
    assert "Calibration error by check" in page
    assert f"{earlier:%Y-%m-%d}" in page
    assert by_code(verdict, "check")[0].measured == 10
    late = make_plan(lender, "monitoring: {every: 4d, min_rows: 500}")
    assert by_code(run(lender, late, "run-3"), "check")[0].severity == "warn"


def test_a_prediction_that_is_not_a_number_alerts(lender):
    watched(lender)
    file = next((lender / "log" / f"{AS_OF - DAY:%Y-%m-%d}").glob("*.parquet"))
    table = pq.read_table(file)
    broken = pa.array([float("nan"), None] + [0.5] * 98, pa.float64())
    place = table.schema.get_field_index("probability")
    pq.write_table(table.set_column(place, "probability", broken), file)
    verdict = run(lender, make_plan(lender))
    assert verdict.decision == "alert"
    assert by_code(verdict, "prediction")[0].measured == pytest.approx(2 / 1000)
    assert verdict.metrics["auc"] is not None
