"""A spec that can be used: defaults, short forms, overlays, and the way back from JSON."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from components.core import tasks
from components.core.errors import InputError
from components.core.spans import SpanKind
from components.core.spec import Margin, Spec, load_folder, load_spec, window_spans
from components.core.spec.attainable import BEST, MIN_BLOCKS, most_blocks
from components.core.spec.spec import GATE_METRICS
from components.core.tasks import task_of

SMALL = """name: churn
data:
  primary: {uri: "s3://acme/churn/{day}.parquet", event_time: seen_at, key: [customer, seen_at]}
label: {column: left, known_after: 30d}
"""


def test_the_smallest_spec_has_a_safe_default_for_all_else() -> None:
    spec = load_spec(SMALL)

    assert spec.first_model == "refused"
    assert spec.data.span is SpanKind.DAY
    assert spec.label.known_after == timedelta(days=30)
    assert spec.serving.target == "local://build/churn/serving"
    assert spec.serving.log == "build/churn/log"
    assert spec.serving.audit_uri == "build/churn/log-audit"
    assert spec.gates.recent == {"log_loss": "better"}
    assert spec.gates.reference["auc"] == Margin(not_worse_by=0.01)
    assert spec.split.reference_weeks == 5
    assert window_spans(spec.window) is None
    assert spec.features == ()


def test_a_folder_without_a_spec_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    for folder in (tmp_path, tmp_path / "nowhere", file / "of a file"):
        with pytest.raises(
            InputError, match=r"model\.yaml: given no such file.*such as models/flights"
        ):
            load_folder(folder)
    file.write_bytes(SMALL.encode() + b"# \xe9")
    with pytest.raises(InputError, match="bytes that are no UTF-8"):
        load_folder(tmp_path)
    file.write_text(SMALL)
    assert load_folder(tmp_path) == load_spec(SMALL)


@pytest.mark.parametrize(("mark", "kind"), [("{hour}", "hour"), ("{month}", "month")])
def test_the_span_is_the_one_that_the_uri_names(mark: str, kind: str) -> None:
    assert load_spec(SMALL.replace("{day}", mark)).data.span == kind


def test_short_forms_stand_for_the_long_ones() -> None:
    spec = load_spec(
        SMALL
        + """features: [{name: tenure, from: months}]
serving: {canary: [10%, 0.5]}
monitoring: {every: 36h}
retraining: {on: [calibration], budget: 3 per 90d}
history: {min_rows: 50_000}
window: last 4 spans
"""
    )

    assert spec.features[0].sources == ("months",)
    assert spec.serving.canary.steps == (0.1, 0.5)
    assert spec.monitoring.every == timedelta(hours=36)
    assert spec.retraining.on == ("calibration",)  # `on` is a word and not a boolean
    assert spec.retraining.max_per_period == (3, timedelta(days=90))
    assert spec.history.min_rows == 50_000
    assert window_spans(spec.window) == 4


def test_a_date_is_its_midnight_in_utc() -> None:
    text = SMALL.replace("{day}", "all").replace("key:", "start: 2013-01-01, key:")

    assert load_spec(text).data.primary.start == datetime(2013, 1, 1, tzinfo=UTC)


def test_an_overlay_changes_only_what_it_names() -> None:
    base = load_spec(SMALL + "serving: {log: log, min_replicas: 2, canary: [10%]}\n")
    over = load_spec(
        SMALL + "serving: {log: log, min_replicas: 2, canary: [10%]}\n",
        "serving: {target: 'kserve://ml', store: 's3://models/ml', canary: [20%, 40%]}\n",
    )

    assert over.serving.target == "kserve://ml"
    assert over.serving.min_replicas == 2
    assert over.serving.canary.steps == (0.2, 0.4)  # a list replaces a list
    assert over.data == base.data


def test_an_overlay_is_checked_like_the_spec() -> None:
    with pytest.raises(InputError, match="serving: given 'targt'"):
        load_spec(SMALL, "serving: {targt: 'kserve://ml'}\n")
    with pytest.raises(InputError, match="overlay: given a list"):
        load_spec(SMALL, "- serving\n")


def test_an_overlay_cannot_bring_in_a_feature_from_the_future() -> None:
    with pytest.raises(InputError, match=r"features\.left: given left"):
        load_spec(SMALL, "features: [{name: left}]\n")


def test_a_spec_comes_back_from_json_as_it_was() -> None:
    spec = load_spec(Path("models/flights/model.yaml").read_text(encoding="utf-8"))

    assert Spec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec


def test_a_gate_knows_the_metrics_that_the_tasks_compute() -> None:
    for task, metrics in GATE_METRICS.items():
        assert set(metrics) == set(task_of(task).gate_metrics)


def test_what_can_be_passed_is_what_the_tasks_measure() -> None:
    assert MIN_BLOCKS == tasks.MIN_BLOCKS
    for task in GATE_METRICS:
        metrics = task_of(task).gate_metrics
        assert {n: m.bounds[m.higher_is_better or 0] for n, m in metrics.items()} == BEST


@pytest.mark.parametrize("length", range(1, 40))
@pytest.mark.parametrize("block", ["hour", "day", "week"])
def test_the_most_blocks_of_a_holdout_are_those_of_its_best_midnight(length, block) -> None:
    recent = timedelta(hours=length) if block == "hour" else timedelta(days=length)
    counts = []
    for weekday in range(7):
        end = np.datetime64("2024-01-01") + np.timedelta64(weekday, "D")
        minutes = np.arange(recent // timedelta(minutes=30)) * np.timedelta64(30, "m")
        times = end.astype("datetime64[m]") - np.timedelta64(30, "m") - minutes
        counts.append(len(np.unique(tasks.blocks_of(times, block))))
    assert most_blocks(recent, block) == max(counts)


@pytest.mark.parametrize(
    "more", ["split: {recent: 5d}", "split: {recent: 23d}\ngates: {block: week}"]
)
def test_a_holdout_of_just_enough_blocks_is_accepted(more: str) -> None:
    assert load_spec(SMALL + more).split.recent


def test_what_a_task_names_are_metrics_of_its_own() -> None:
    for name in GATE_METRICS:
        task = task_of(name)
        assert {task.primary_metric, task.ranking, *task.headline, *task.unwatched} <= set(
            task.gate_metrics
        )
        assert {task.mean_prediction, task.base_rate} == set(task.metrics) - set(task.gate_metrics)
