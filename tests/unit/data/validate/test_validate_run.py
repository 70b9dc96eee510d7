"""The verdict on a small shop: sound data pass, and each way to be broken stops."""

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from validate_factories import (
    DAYS,
    NEWEST,
    SCHEMA_TEXT,
    failures,
    judged,
    lineage_of,
    plan_of,
    replaced,
    write,
)

from components.core import audit
from components.core.artifacts import SCHEMA, STATISTICS, VERDICT, SourceState
from components.core.digest import digest_folder
from components.core.errors import InputError
from components.core.plan import Champion
from components.core.verdict import Severity, Verdict
from components.data.validate.run import validate

LAST = DAYS - 1
HALF = np.random.default_rng(5).random(400) < 0.5


def test_sound_data_pass(tmp_path):
    verdict = judged(tmp_path)
    assert verdict.decision == "pass"
    assert failures(verdict) == set()
    # A warmer month is a season: it is shown as skew of the newest days, and stops nothing.
    warned = {f.subject for f in verdict.findings if f.severity is Severity.WARN}
    assert warned == {"weather_temp in recent"}
    assert verdict.metrics["train_rows"] == 3600
    assert verdict.metrics["positives"] == pytest.approx(0.3)


def test_what_is_written(tmp_path):
    folders = write(tmp_path, plan_of(tmp_path))
    verdict = validate(folders, "run-1")
    assert Verdict.read(folders.verdict / VERDICT) == verdict
    train = statistics_pb2.DatasetFeatureStatisticsList.FromString(
        (folders.statistics / STATISTICS.format(split="train")).read_bytes()
    ).datasets[0]
    assert (train.name, train.num_examples) == ("train", 3600)
    assert {f.path.step[0] for f in train.features} == {
        "place",
        "km",
        "weather_temp",
        "gust",
        "returned",
    }
    assert (folders.statistics / SCHEMA).read_text() == SCHEMA_TEXT
    assert {file.name for file in folders.statistics.glob("*.pb")} == {
        "train.statistics.pb",
        "recent.statistics.pb",
        "reference.statistics.pb",
        "newest.statistics.pb",
    }
    assert (folders.statistics / "newest.anomalies.pbtxt").read_text().count("anomaly_info") == 0
    (entry,) = audit.entries(f"{tmp_path}/log-audit")
    assert (entry.step, entry.decision, entry.run) == ("validate", "pass", "run-1")
    for said in ("may these data be trained on?", "pass", NEWEST, "weather_temp"):
        assert said in folders.report.read_text()


def test_the_same_examples_give_the_same_bytes(tmp_path):
    folders = write(tmp_path, plan_of(tmp_path))
    pages, digests = set(), set()
    for _ in range(2):
        validate(folders, "run-1")
        pages.add(folders.report.read_text())
        digests.add((digest_folder(folders.statistics), digest_folder(folders.verdict)))
    assert len(pages) == len(digests) == 1


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        (replaced("weather_temp", lambda x: (x - 32) / 1.8), ("shift", "weather_temp")),
        (replaced("km", lambda x: np.round(x * 1.6)), ("shift", "km")),
        (replaced("place", lambda x: np.where(HALF, "new", x)), ("unseen", "place")),
        (replaced("place", lambda x: ["a"] * len(x)), ("mix", "place")),
        (
            replaced("weather_temp", lambda x: np.where(HALF, np.nan, x)),
            ("missing", "weather_temp"),
        ),
        (replaced("gust", lambda x: x * np.nan), ("missing", "gust")),
    ],
)
def test_a_column_broken_on_the_newest_day_stops(tmp_path, change, failed):
    verdict = judged(tmp_path, changes={LAST: change})
    assert verdict.decision == "stop"
    assert (failed[0], f"{failed[1]} in {NEWEST}") in failures(verdict)
    assert NEWEST in verdict.reason or "recent" in verdict.reason


def test_a_shift_that_the_schema_allows_only_warns(tmp_path):
    allowed = SCHEMA_TEXT.replace(
        'name: "weather_temp"', 'name: "weather_temp" annotation { tag: "may_shift" }'
    )
    change = replaced("weather_temp", lambda x: x + 1000)
    verdict = judged(tmp_path, changes={LAST: change, LAST - 1: change}, schema=allowed)
    shifted = {f.subject: f.severity for f in verdict.findings if f.code == "shift"}
    assert shifted[f"weather_temp in {NEWEST[:-1]}1"] is Severity.WARN
    assert not [f for f in verdict.failures if f.code == "shift"]


def champion(as_of):
    return Champion(version="v0", uri="u", digest="d", run="r", as_of=as_of)


@pytest.mark.parametrize(("as_of", "stops"), [("2024-01-09", True), ("2024-01-12", False)])
def test_spans_since_the_champion_decide_like_the_newest(tmp_path, as_of, stops):
    # Two days ago half of a column was missing for a day.
    change = {LAST - 2: replaced("gust", lambda x: x * np.nan)}
    verdict = judged(tmp_path, plan=plan_of(tmp_path, champion(as_of)), changes=change)
    assert (("missing", "gust in 2024-01-10") in failures(verdict)) is stops
    assert "gust in 2024-01-10" in {f.subject for f in verdict.findings}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.drop_columns(["km"]), "schema_missing_column"),
        (replaced("km", lambda x: x + 0.5), "schema_unexpected_data_type"),
        (replaced("km", lambda x: x.astype(str)), "schema_unexpected_data_type"),
        (replaced("km", lambda x: x + 2000), "schema_int_type_big_int"),
        (replaced("km", lambda x: np.where(HALF, np.nan, x)), "low_fraction_present"),
    ],
)
def test_what_the_schema_does_not_allow_stops(tmp_path, change, code):
    verdict = judged(tmp_path, changes=dict.fromkeys(range(DAYS), change))
    assert verdict.decision == "stop"
    assert [f for f in verdict.failures if code in f.code and "km" in f.subject], verdict.failures


def test_an_unseen_category_beyond_the_schemas_bound_stops(tmp_path):
    listed = SCHEMA_TEXT.replace(
        'name: "place" type: BYTES',
        'name: "place" type: BYTES string_domain { value: "a" value: "b" value: "c" value: "d" '
        'value: "e" } distribution_constraints { min_domain_mass: 0.99 }',
    )
    change = replaced("place", lambda x: np.where(np.arange(len(x)) < 20, "z", x))
    verdict = judged(tmp_path, changes={LAST: change}, schema=listed)
    assert verdict.decision == "stop"
    assert ("schema_enum_type_unexpected_string_values", f"place in {NEWEST}") in failures(verdict)


def test_without_a_schema_nothing_passes(tmp_path):
    verdict = judged(tmp_path, schema=None)
    assert (verdict.decision, failures(verdict)) == ("stop", {("no_schema", "schema.pbtxt")})


def test_an_invalid_schema_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"schema\.pbtxt"):
        judged(tmp_path, schema="feature {")


def test_without_examples_nothing_passes(tmp_path):
    plan = plan_of(tmp_path)
    empty = lineage_of(plan, spans=(), newest=None, splits={}, external=())
    folders = write(tmp_path, plan, empty)
    for file in folders.examples.glob("*/*.parquet"):
        file.unlink()
    verdict = validate(folders, "run-1")
    assert verdict.decision == "stop"
    assert {code for code, _ in failures(verdict)} == {
        "no_rows",
        "history_spans",
        "history_rows",
        "history_positives",
        "history_negatives",
        "history_labelled",
        "history_newest",
        "history_holdout",
    }


def test_examples_of_another_plan_stop(tmp_path):
    other = lineage_of(plan_of(tmp_path), plan="0" * 64)
    assert failures(judged(tmp_path, lineage=other)) == {("other_plan", "examples")}


def test_target_leakage_stops(tmp_path):
    def leak(table):
        order = table.schema.get_field_index("gust")
        told = np.where(table["returned"].to_numpy() == 1, 5.0, np.nan)
        return table.set_column(order, "gust", pa.array(told, from_pandas=True))

    verdict = judged(tmp_path, changes=dict.fromkeys(range(DAYS), leak))
    assert ("leak", "gust") in failures(verdict)


def test_a_joined_row_of_the_future_stops(tmp_path):
    late = SourceState(name="weather", newest="2024-01-12T22:00:00Z", future_rows=3)
    verdict = judged(tmp_path, lineage=lineage_of(plan_of(tmp_path), external=(late,)))
    assert failures(verdict) == {("future_rows", "weather")}
