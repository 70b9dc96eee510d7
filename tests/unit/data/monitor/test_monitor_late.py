"""Labels that come later than the next check: the smallest spec, monitored every day.

Its labels take 30 days, so the check of 2024-03-21 judges the labels of 2024-02-19 (2024 has a
29th of February) and everything else by the rows of 2024-03-20.
"""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from monitor_factories import CALM, MOVED, live_columns, write_champion, write_plan, write_table

from components.core.artifacts import LABELLED, VERDICT, ModelColumn
from components.core.plan import Champion, Plan, Purpose
from components.core.spans import SpanKind, format_instant, spans_between
from components.core.spec import load_spec
from components.core.verdict import Verdict
from components.data.monitor.run import MonitorPaths, monitor
from components.data.observe.prediction_log import INSTANT, LOG_FIELDS
from components.data.observe.run import observe
from components.ops.plan.windows import split_windows

# Of the page that says what a spec is; only the place of the data is another.
SMALLEST = """
name: churn
data:
  primary: {{uri: "{root}/churn/{{day}}.parquet", event_time: seen_at, key: [customer_id, seen_at]}}
label: {{column: left, known_after: 30d}}
first_model: allowed
"""
AS_OF = datetime(2024, 3, 21, tzinfo=UTC)
JUDGED = datetime(2024, 2, 19, tzinfo=UTC)
BEFORE, WATCHED = datetime(2024, 3, 19, tzinfo=UTC), datetime(2024, 3, 20, tzinfo=UTC)
ROWS = 1200
COLUMNS = (
    ModelColumn(name="amount", source="amount", kind="number"),
    ModelColumn(name="town", source="town", kind="category"),
)


def make_plan(root, champion_as_of="2024-01-31T00:00:00Z"):
    spec = load_spec(SMALLEST.format(root=root), where="churn")
    spans = spans_between(SpanKind.DAY, AS_OF - timedelta(days=60), AS_OF)
    return Plan(
        purpose=Purpose.MONITOR,
        spec=spec,
        as_of=AS_OF,
        version="next",
        spans=tuple(span.name for span in spans),
        columns=COLUMNS,
        features=(),
        windows=split_windows(spec, spans, AS_OF),
        champion=Champion(
            version="v1", uri=f"{root}/champion", digest="d", run="t", as_of=champion_as_of
        ),
        digests={},
    )


def write_day(root, day, positives=CALM, version="v1", **changes):
    """Half of a day's rows said .2 and half .8; of 50 of each so many customers left."""
    columns = {n: c for n, c in live_columns(day, ROWS).items() if n != "asked_at"} | changes
    ours = {
        "customer_id": pa.array(range(ROWS), pa.int64()),
        "seen_at": pa.array([day + i * timedelta(minutes=1) for i in range(ROWS)], INSTANT),
    }
    said = [0.2 if i % 2 else 0.8 for i in range(ROWS)]
    fixed = {
        "request_id": [f"r-{day:%m%d}"] * ROWS,
        "row": range(ROWS),
        "logged_at": ours["seen_at"],
        "model": ["churn"] * ROWS,
        "version": [version] * ROWS,
        "latency_ms": [1.0] * ROWS,
        "probability": said,
        "predicted": [int(p > 0.5) for p in said],
    }
    low, high = positives
    left = pa.array([i // 2 % 50 < (low if i % 2 else high) for i in range(ROWS)])
    logged = {n: pa.array(v, LOG_FIELDS.field(n).type) for n, v in fixed.items()}
    amount = {"amount": columns["amount"].cast(pa.float64())}
    log = pa.table({**logged, **ours, **columns, **amount})
    write_table(log, root / f"build/churn/log/{day:%Y-%m-%dT%H}/{version}-a.parquet")
    write_table(pa.table({**ours, **columns, "left": left}), root / f"churn/{day:%Y-%m-%d}.parquet")


@pytest.fixture
def churn(tmp_path, monkeypatch):
    """A champion, and two recent days whose labels stand in the table but are not due."""
    monkeypatch.chdir(tmp_path)  # the log's default place is below the folder one works in
    write_champion(tmp_path, columns=COLUMNS)
    for day in (BEFORE, WATCHED):
        write_day(tmp_path, day, positives=MOVED)
    return tmp_path


def forget(root, *days):
    """Nothing was asked on these days."""
    for day in days:
        next((root / f"build/churn/log/{day:%Y-%m-%dT%H}").iterdir()).unlink()


def run(root, **changes):
    plan = make_plan(root, **changes)
    folder = write_plan(plan, root)
    coverage = observe(folder, root / "observations")
    paths = MonitorPaths(folder, root / "observations", root / "verdict", root / "report.html")
    verdict = monitor(paths, "run-1")
    assert Verdict.read(root / "verdict" / VERDICT) == verdict
    return verdict, coverage


def finding(verdict, code):
    return next(f for f in verdict.findings if f.code == code)


def test_labels_that_are_late_are_judged_and_found_healthy(churn):
    write_day(churn, JUDGED)
    verdict, coverage = run(churn)
    assert verdict.decision == "healthy", verdict
    numbers = verdict.metrics
    assert (numbers["rows"], numbers["due"], numbers["labelled"]) == (ROWS, ROWS, ROWS)
    assert numbers["auc"] == pytest.approx(0.8)
    assert numbers["calibration_error"] == pytest.approx(0)
    assert (coverage.watch.rows, coverage.watch.due, coverage.watch.labelled) == (ROWS, 0, 0)
    assert "1,200 labelled rows of 2024-02-19 to 2024-02-20" in verdict.reason
    page = (churn / "report.html").read_text()
    assert "of the window 2024-02-19 to 2024-02-20, the newest whose labels are all due;" in page
    assert "2024-02-19T00:00:00Z to 2024-02-20T00:00:00Z" in page


def test_labels_that_are_late_start_a_retraining(churn):
    write_day(churn, JUDGED, positives=MOVED)
    verdict, _ = run(churn)
    assert verdict.decision == "retrain"
    # Said .2 and .8, came true 0 and .6.
    assert verdict.metrics["calibration_error"] == pytest.approx(0.2)


def test_the_rows_of_an_older_champion_are_judged_and_reported(churn):
    write_day(churn, JUDGED, positives=MOVED, version="v0")
    verdict, _ = run(churn, champion_as_of="2024-03-10T00:00:00Z")
    assert verdict.decision == "retrain"
    assert "rows of 2024-02-19 to 2024-02-20, not all of them the champion's" in verdict.reason
    said = finding(verdict, "versions").sentence
    assert (
        "2024-02-19 to 2024-02-20, the newest whose labels are all due, holds predictions of v0"
        in said
    )
    assert said.endswith("are judged: it was made after that window, when another served")


def test_other_checks_use_the_watched_window(churn):
    write_day(churn, JUDGED)
    write_day(churn, WATCHED, town=pa.array(["west"] * ROWS))
    verdict, _ = run(churn)
    assert verdict.decision == "healthy"
    assert (finding(verdict, "skew").subject, finding(verdict, "drift").subject) == ("town", "town")
    write_day(churn, WATCHED)
    write_day(churn, JUDGED, town=pa.array(["west"] * ROWS))
    calm, _ = run(churn)
    assert (finding(calm, "skew").severity, finding(calm, "drift").severity) == ("info", "info")


def test_silence_fails_although_there_are_labels(churn):
    write_day(churn, JUDGED)
    forget(churn, BEFORE, WATCHED)
    verdict, coverage = run(churn)
    assert verdict.decision == "alert"
    assert format_instant(coverage.newest) == "2024-02-19T19:59:00Z"


def test_without_a_due_label_nothing_is_healthy(churn):
    write_day(churn, JUDGED)
    forget(churn, JUDGED)
    verdict, coverage = run(churn)
    assert verdict.decision == "insufficient"
    assert verdict.reason.startswith("0 of the 0 rows of the window 2024-02-19 to 2024-02-20")
    assert coverage.labelled.rows == 0
    assert (churn / "observations" / LABELLED).exists()
