"""Alerts and dashboard ask only for what our code exposes."""

import shutil
import subprocess
from pathlib import Path

import promql_parser as promql
import pytest
import yaml

from tests.manifests import schemas
from tests.monitoring import queries
from tests.monitoring.queries import FOLDER, Alert
from tests.needs import skip_or_fail

OWN_PROMTOOL = str(Path(__file__).resolve().parents[2] / ".tools/promtool")
ALERTS = queries.alerts()
BOARD = queries.dashboard_queries()
ASKED = [*(alert.expression for alert in ALERTS), *BOARD]
CUSTOM = ("alerts.yaml", "exporter-monitor.yaml", "predictors-monitor.yaml")


def test_there_is_an_alert_for_everything_that_was_promised() -> None:
    assert {alert.name for alert in ALERTS} >= {
        "RatoonModelTooOld",
        "RatoonMonitorDidNotRun",
        "RatoonLabelsMissing",
        "RatoonErrorRatio",
        "RatoonLatency",
        "RatoonLogRowsLost",
        "RatoonMonitorAlert",
        "RatoonRetraining",
        "RatoonNoTraffic",
    }


@pytest.mark.parametrize("query", ASKED)
def test_every_series_and_label_is_exposed(query: str, metrics: dict[str, set[str]]) -> None:
    asked = list(queries.selectors(query))
    assert asked
    for name, labels in asked:
        assert name in metrics
        assert labels <= metrics[name], name
    for labels, below in queries.grouped(query):
        assert below
        # Of several joined by "or" each has what the result is grouped by.
        assert all(labels <= metrics[name] for name in below)


@pytest.mark.parametrize("query", ["ratoon_nothing > 1", 'ratoon_audit_up{nothing="1"}'])
def test_a_series_that_nobody_exposes_is_found(query: str, metrics: dict[str, set[str]]) -> None:
    with pytest.raises(AssertionError):
        test_every_series_and_label_is_exposed(query, metrics)


def test_every_series_of_ours_is_asked_for(metrics: dict[str, set[str]]) -> None:
    asked = {name for query in ASKED for name, _ in queries.selectors(query)}
    ours = {name for name in metrics if name.startswith("ratoon_")}
    # A histogram and a counter bring series that no query needs.
    ours = {n for n in ours if not n.endswith(("_sum", "_count", "_created"))}
    assert ours == {name for name in asked if name.startswith("ratoon_")}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_is_whole(alert: Alert) -> None:
    assert alert.name.startswith("Ratoon")
    assert alert.rule["labels"].keys() == {"severity"}
    assert alert.rule["labels"]["severity"] in ("critical", "warning", "info")
    notes = alert.rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    if "absent(" not in alert.expression:
        assert "$labels.model" in notes["summary"]
    if "for" in alert.rule:
        assert promql.parse_duration(alert.rule["for"])


@pytest.mark.parametrize("file", CUSTOM)
def test_operators_objects_keep_to_their_schemas(file: str) -> None:
    if not schemas.are_there():
        skip_or_fail(schemas.MISSING)
    one = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    schema = schemas.schema_of(one["apiVersion"], one["kind"])
    assert schema is not None
    assert schemas.complaints(one, schema) == []


def test_alerts_fire_on_series_made_by_hand(tmp_path: Path) -> None:
    promtool = shutil.which("promtool") or shutil.which(OWN_PROMTOOL)
    if promtool is None:
        skip_or_fail("no promtool on the PATH, and `make test-tools` has brought none")
    spec = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    cases = Path(__file__).with_name("alerts_fire.yaml")
    shutil.copy(cases, tmp_path)
    command = [promtool, "test", "rules", cases.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_monitors_select_is_there() -> None:
    read = {f.stem: yaml.safe_load(f.read_text("utf-8")) for f in FOLDER.glob("*.yaml")}
    labels = read["exporter"]["spec"]["template"]["metadata"]["labels"]
    assert read["exporter-service"]["spec"]["selector"].items() <= labels.items()
    wanted = read["exporter-monitor"]["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= read["exporter-service"]["metadata"]["labels"].items()
    (port,) = read["exporter-service"]["spec"]["ports"]
    (endpoint,) = read["exporter-monitor"]["spec"]["endpoints"]
    assert endpoint["port"] == port["name"]
    (container,) = read["exporter"]["spec"]["template"]["spec"]["containers"]
    assert port["targetPort"] in {p["name"] for p in container["ports"]}
    (runtime,) = yaml.safe_load(
        (FOLDER.parent / "serving/runtime.yaml").read_text(encoding="utf-8")
    )["spec"]["containers"]
    (of_pods,) = read["predictors-monitor"]["spec"]["podMetricsEndpoints"]
    assert of_pods["portNumber"] in {p["containerPort"] for p in runtime["ports"]}


def test_no_object_names_a_namespace() -> None:
    files = list(FOLDER.glob("*.yaml"))
    assert files
    for file in files:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert "namespace" not in document.get("metadata", {}), file


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = queries.dashboard()["panels"]
    assert panels
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
