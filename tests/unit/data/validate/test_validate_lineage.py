"""What must be there before anyone trains, and what the sources gave."""

import pytest
from validate_factories import lineage_of, plan_of

from components.core.artifacts import SourceState
from components.core.verdict import Severity
from components.data.validate.lineage_checks import check_history, check_rows, check_sources


@pytest.mark.parametrize(
    ("changed", "positives", "failed"),
    [
        ({}, 900, set()),
        ({"splits": {"train": 1999, "recent": 1, "reference": 1}}, 900, {"history_rows"}),
        ({}, 499, {"history_positives"}),
        ({}, 3101, {"history_negatives"}),
        ({"newest": "2024-01-10T23:00:00Z"}, 900, {"history_newest"}),
        ({"newest": None}, 900, {"history_newest"}),
        ({"splits": {"train": 3600, "recent": 0, "reference": 9}}, 900, {"history_holdout"}),
        ({"splits": {"train": 3600, "recent": 9}}, 900, {"history_holdout"}),
    ],
)
def test_history(tmp_path, changed, positives, failed):
    plan = plan_of(tmp_path)
    found = check_history(plan, lineage_of(plan, **changed), positives)
    assert {f.code for f in found if f.severity is Severity.FAIL} == failed


@pytest.mark.parametrize(
    ("spans", "labelled", "failed"),
    [
        (12, 369, set()),
        (12, 368, {"history_labelled"}),
        (2, 400, {"history_spans"}),
        (0, 0, {"history_labelled", "history_spans"}),
    ],
)
def test_history_of_spans(tmp_path, spans, labelled, failed):
    # 369 of 410 rows are 90%.
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    kept = tuple(s.model_copy(update={"labelled": labelled}) for s in lineage.spans[:spans])
    found = check_history(plan, lineage.model_copy(update={"spans": kept}), 900)
    assert {f.code for f in found if f.severity is Severity.FAIL} == failed


def test_missing_newest_labels_warn(tmp_path):
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    newest = lineage.spans[-1].model_copy(update={"labelled": 205})
    late = lineage.model_copy(update={"spans": (*lineage.spans[:-1], newest)})
    found = [f for f in check_history(plan, late, 900) if f.severity is not Severity.INFO]
    # 4,605 of 4,920 rows are still 93.6%, but only half of the newest day's.
    assert [(f.code, f.severity, f.measured) for f in found] == [
        ("history_labelled", Severity.WARN, 0.5)
    ]


@pytest.mark.parametrize(
    ("newest", "severity", "measured"),
    [
        ("2024-01-12T21:00:00Z", Severity.INFO, "3h"),
        ("2024-01-12T20:59:00Z", Severity.WARN, "181m"),
        (None, Severity.FAIL, None),
    ],
)
def test_freshness_is_compared_with_max_age(tmp_path, newest, severity, measured):
    plan = plan_of(tmp_path)
    state = SourceState(name="weather", newest=newest, future_rows=0)
    found = check_sources(plan, lineage_of(plan, external=(state,)))
    (fresh,) = [f for f in found if f.code == "freshness"]
    assert (fresh.severity, fresh.measured, fresh.limit) == (severity, measured, "3h")


def test_low_coverage_and_duplicate_keys_warn(tmp_path):
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    newest = lineage.spans[-1].model_copy(update={"joined": {"weather": 300}})
    state = lineage.external[0].model_copy(update={"duplicates": 2})
    changed = {"spans": (*lineage.spans[:-1], newest), "external": (state,)}
    found = {f.code: f for f in check_sources(plan, lineage.model_copy(update=changed))}
    # 300 of 410 where 400 of 410 was usual.
    assert found["coverage"].severity is Severity.WARN
    assert found["coverage"].measured == pytest.approx(300 / 410, abs=1e-4)
    assert found["coverage"].limit == pytest.approx(0.9 * 400 / 410, abs=1e-4)
    assert "the last of each is joined" in found["source_duplicates"].sentence


def test_left_out_rows_are_reported(tmp_path):
    lineage = lineage_of(plan_of(tmp_path))
    spans = tuple(s.model_copy(update={"duplicates": 1, "outside": 2}) for s in lineage.spans)
    found = check_rows(lineage.model_copy(update={"spans": spans}))
    said = {f.code: (f.severity, f.measured) for f in found}
    assert said == {
        "refused": (Severity.INFO, 1),
        "duplicates": (Severity.WARN, 12),
        "outside": (Severity.WARN, 24),
    }
