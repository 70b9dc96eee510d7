"""The schedule step on a real plan."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.core import audit
from components.core.errors import ApiUnavailable, InputError
from components.core.plan import Plan
from components.core.spans import format_instant, next_boundary
from components.ops.plan.run import PlanRequest, plan
from components.ops.schedule import local_schedule
from components.ops.schedule.kubeflow import connect_kubeflow
from components.ops.schedule.manifest import EnvDefaults, parse_manifest
from components.ops.schedule.reconcile import reconcile
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.schedule.run import schedule
from tests.fakes.kfp_faults import Fault
from tests.fakes.kfp_server import KfpApi
from tests.fakes.step_function import step_function

VERSION = "monitor-0123456789ab"

SPEC = """name: churn
data: {{primary: {{uri: "{data}/{{day}}.parquet", event_time: at, key: [id]}}}}
label: {{column: left, known_after: 1d}}
monitoring: {{every: {every}}}
serving: {{target: "{target}", log: {data}/log, store: s3://models}}
"""


def planned(tmp_path: Path, every: str = "7d", target: str = "", name: str = "plan") -> Path:
    model = tmp_path / "model"
    model.mkdir(exist_ok=True)
    (tmp_path / "2013-01-01.parquet").touch()
    target = target or f"local://{tmp_path}/serving?port=8099"
    (model / "model.yaml").write_text(SPEC.format(data=tmp_path, every=every, target=target))
    (model / "schema.pbtxt").write_text('feature { name: "months" type: INT }')
    request = PlanRequest(str(model), "2013-07-03", "", "", "train", "run-1")
    plan(request, tmp_path / name, champion_reader=lambda target, name: None)
    return tmp_path / name


def test_records_the_run_that_is_wanted(tmp_path: Path) -> None:
    made = schedule(planned(tmp_path), "models/churn", "o.yaml", "run-1")

    stands = local_schedule.read(tmp_path / "serving")
    assert stands is not None
    given = stands.wanted.parameters
    assert made.decision == "scheduled"
    assert "every 7d, first at 2013-07-08T00:00:00Z" in made.reason
    assert (stands.wanted.model, stands.wanted.pipeline) == ("churn", "monitor")
    assert (given.model, given.overlay) == ("models/churn", "o.yaml")
    assert given.target == f"local://{tmp_path}/serving?port=8099"
    assert stands.digest == stands.wanted.digest


def test_run_again_it_changes_nothing_and_a_changed_spec_does(tmp_path: Path) -> None:
    folder = planned(tmp_path)
    schedule(folder, "models/churn", "", "run-1")

    assert schedule(folder, "models/churn", "", "run-2").decision == "unchanged"
    monthly = planned(tmp_path, every="month", name="monthly")
    assert schedule(monthly, "models/churn", "", "run-3").decision == "scheduled"


def test_leaves_an_entry_in_the_audit(tmp_path: Path) -> None:
    folder = planned(tmp_path)
    made = schedule(folder, "models/churn", "", "run-1")
    plan_ = Plan.of(folder)

    (entry,) = (e for e in audit.entries(plan_.spec.serving.audit_uri) if e.step == "schedule")
    assert (entry.decision, entry.reason, entry.version) == (
        "scheduled",
        made.reason,
        plan_.version,
    )
    assert entry.digests["plan"] == plan_.digest


@pytest.mark.parametrize("target", ["kserve://ml", "git+https://host/repository@main#serving"])
def test_for_a_cluster_kfp_gets_a_recurring_run(tmp_path: Path, kfp: KfpApi, target: str) -> None:
    folder = planned(tmp_path, target=target)

    made = schedule(folder, "models/churn", "o.yaml", "run-1")
    again = schedule(folder, "models/churn", "o.yaml", "run-2")

    (run,) = kfp.store.rows("recurringruns")
    assert (made.decision, again.decision) == ("scheduled", "unchanged")
    assert made.reason.startswith(
        f"{VERSION} runs by cron '0 0 0 * * 1' (UTC), as the recurring run"
    )
    assert run["trigger"] == {"cron_schedule": {"cron": "0 0 0 * * 1"}}
    assert run["runtime_config"]["parameters"] == {
        "model": "models/churn",
        "overlay": "o.yaml",
        "target": target,
        "as_of": "start of 7d",
    }
    for said in (VERSION, "0 0 0 * * 1", run["display_name"]):
        assert said in made.page
    next_monday = next_boundary(timedelta(days=7), datetime.now(UTC))
    assert format_instant(next_monday) in made.page


def test_what_git_declares_is_left_and_said(tmp_path: Path, kfp: KfpApi) -> None:
    text = "model: churn\nparameters: {model: models/churn}\nevery: day\n"
    wanted = DesiredRecurringRun.of(
        parse_manifest(text, "churn.yaml"), EnvDefaults(VERSION, ""), "declared"
    )
    with connect_kubeflow() as api:
        reconcile(api, wanted)

    made = schedule(planned(tmp_path, target="kserve://ml"), "models/churn", "", "run-1")

    assert made.decision == "unchanged"
    assert f"git declares the recurring run {wanted.name}" in made.reason
    assert "change the file" in made.page
    assert [r["display_name"] for r in kfp.store.rows("recurringruns")] == [wanted.name]


def test_without_kfp_the_step_fails(
    tmp_path: Path, kfp: KfpApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = planned(tmp_path, target="kserve://ml")
    kfp.faults.add(Fault("*", "healthz", status=500))

    with pytest.raises(ApiUnavailable, match="healthz: it answered 500"):
        schedule(folder, "models/churn", "", "run-1")
    monkeypatch.delenv("RATOON_MONITOR_VERSION")
    with pytest.raises(InputError, match="RATOON_MONITOR_VERSION"):
        schedule(folder, "models/churn", "", "run-1")
    assert kfp.store.rows("recurringruns") == []


def test_the_component_hands_on_the_outcome(tmp_path: Path) -> None:
    component = step_function("ops", "schedule")
    from kfp.dsl import HTML, Artifact

    report = HTML(uri=str(tmp_path / "report.html"))
    decision, reason = component(
        Artifact(uri=str(planned(tmp_path))), "models/churn", "", "run-1", report
    )
    page = (tmp_path / "report.html").read_text()

    assert decision == "scheduled"
    assert str(tmp_path / "serving" / "schedule.json") in reason
    assert reason in page
    assert "models/churn" in page
