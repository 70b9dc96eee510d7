"""The single checks, by tables of numbers worked out by hand."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from validate_toys import COLUMNS, DAY, START, lineage_of, plan_of

from components.core.artifacts import ModelColumn, SourceState, SplitName
from components.core.spans import Span, SpanKind
from components.core.tasks import task_of
from components.core.verdict import Severity
from components.data.validate.categories import flood_of, mix_of, profile_categories
from components.data.validate.history import judge_history
from components.data.validate.leaks import bin_codes, category_codes, judge_leaks, rates_elsewhere
from components.data.validate.missing import gap_of
from components.data.validate.numbers import distances, profile_of, unseen_shares
from components.data.validate.pieces import Pieces, cut_pieces
from components.data.validate.shifts import new_values_of, shift_of
from components.data.validate.skew import divergence, judge_skew
from components.data.validate.sources import judge_rows, judge_sources


def pieces_of(spans, rows=200, parts=4):
    """Spans of equal pieces, without a table."""
    count = spans * parts
    names = tuple(f"s{i}" for i in range(spans))
    ends = np.arange(1, count + 1) * rows
    return Pieces(ends, np.repeat(np.arange(spans), parts), names, pa.table({}))


def spans_of(*hours):
    """One table a day from 1 January, a row at each hour given."""
    days = [Span(kind=SpanKind.DAY, start=START + i * DAY) for i in range(len(hours))]
    tables = {
        day.name: pa.table(
            {
                "at": pa.array(
                    [day.start + dt.timedelta(hours=h) for h in of], pa.timestamp("us", "UTC")
                )
            }
        )
        for day, of in zip(days, hours, strict=True)
    }
    return tables, {day.name: day for day in days}


def test_spans_are_cut_into_quarters_of_their_time():
    tables, cut = spans_of([0, 5, 6, 12, 23], [1, 2, 20])
    pieces = cut_pieces(tables, "at", cut, least_rows=1)
    # Hours 0-6, 6-12, 12-18, 18-24; a quarter without rows is none.
    assert pieces.ends.tolist() == [2, 3, 4, 5, 7, 8]
    assert pieces.span.tolist() == [0, 0, 0, 0, 1, 1]
    assert pieces.starts.tolist() == [0, 2, 3, 4, 5, 7]


def test_small_pieces_join_their_neighbours():
    tables, cut = spans_of([0, 5, 6, 12, 23], [1, 2, 20])
    pieces = cut_pieces(tables, "at", cut, least_rows=3)
    # 0, 5, 6 | 12, 23 and the next day's 1, 2 | 20 is too few and joins what is before it.
    assert pieces.ends.tolist() == [3, 8]
    assert pieces.span.tolist() == [0, 1]


def test_distances_are_the_largest_gap_of_the_distributions():
    others = np.array([[0.0, 0.5, 1.0], [0.9, 0.9, 1.0]])
    assert distances(np.array([0.2, 0.6, 1.0]), others).tolist() == pytest.approx([0.2, 0.7])


def test_values_that_nobody_saw_are_counted_by_span():
    code = np.array([0, 1, 0, 2, 2, 3, 0, 3])
    span = np.array([0, 0, 1, 1, 1, 3, 3, 3])
    assert unseen_shares(code, span, 4).tolist()[:2] == [1.0, 2 / 3]
    assert np.isnan(unseen_shares(code, span, 4)[2])
    assert unseen_shares(code, span, 4)[3] == pytest.approx(2 / 3)
    assert unseen_shares(code, span, 4, np.array([3]))[3] == 0


def noise(spans, scale=1.0):
    return np.random.default_rng(2).normal(0, scale, spans * 800)


def test_a_season_is_no_shift():
    season = np.repeat(20 * np.sin(np.arange(24 * 4) / 24 * 2 * np.pi / 2), 200)
    profile = profile_of(season + noise(24, 5), pieces_of(24))
    assert max(shift_of(profile, i).ratio for i in range(6, 24)) < 1


@pytest.mark.parametrize("change", [lambda x: x * 1.8 + 32, lambda x: x / 1000, lambda x: x + 60])
def test_another_unit_is_a_shift(change):
    values = 20 + np.repeat(np.arange(6 * 4), 200) + noise(6, 5)
    values[5 * 800 :] = change(values[5 * 800 :])
    assert shift_of(profile_of(values, pieces_of(6)), 5).ratio > 1
    assert shift_of(profile_of(values, pieces_of(6)), 4).ratio < 1


def test_a_shift_within_the_weekly_noise_shows_in_values_never_seen():
    random = np.random.default_rng(4)
    calm = np.repeat(random.integers(4, 13, 6 * 4), 200)
    knots = np.clip(np.round(calm + noise(6, 4)), 0, None)
    knots[5 * 800 :] *= 1.852
    profile = profile_of(knots, pieces_of(6))
    found = new_values_of(profile, 5)
    assert found.measured > 0.8
    assert found.ratio > 1
    assert new_values_of(profile_of(noise(6), pieces_of(6)), 5) is None


def test_a_year_that_begins_is_no_shift():
    years = np.repeat([2013.0, 2014.0], [5 * 800, 800])
    profile = profile_of(years, pieces_of(6))
    assert shift_of(profile, 5).ratio <= 1
    assert new_values_of(profile, 5) is None


def test_too_few_spans_teach_nothing():
    profile = profile_of(noise(3), pieces_of(3))
    assert shift_of(profile, 1) is None
    assert shift_of(profile, 2) is not None
    assert profile_of(np.full(600, np.nan), pieces_of(3, 50)) is None


@pytest.mark.parametrize(
    ("shares", "limit"),
    [
        ([0.0, 0.0, 0.5], 0.1),  # nothing was missing: a tenth more is allowed
        (
            [0.0, 0.3, 0.5],
            0.545,
        ),  # what moved by 0.3 may by 0.3 again; but 65% of 0.7 must be there
        ([0.7, 0.8, 0.9], 0.87),  # 65% of the 0.2 that were there
        ([np.nan, 0.1, 0.2, 0.9], 0.3),
    ],
)
def test_missing_shares_are_held_against_earlier_ones(shares, limit):
    gap = gap_of(np.array(shares), len(shares) - 1)
    assert (gap.measured, gap.limit) == (shares[-1], pytest.approx(limit))


def test_missing_is_not_judged_without_earlier_spans():
    assert gap_of(np.array([0.0, 0.9]), 1) is None


def letters(*spans):
    return pa.chunked_array([pa.array([*"".join(spans)])])


def test_floods_and_mixes_of_categories():
    pieces = pieces_of(4, rows=10, parts=1)
    spans = "aaaaabbbbb", "aaaaabbbbc", "aaaaabbbbb", "aaaaaaaadd"
    profile = profile_categories(letters(*spans), pieces, frozenset())
    assert profile.unseen.tolist() == [1.0, 0.1, 0.0, 0.2]
    # Twice the tenth that was new on the second day; and 8 a, 2 d are 5 rows from 5 a, 5 b.
    assert (flood_of(profile, 3).measured, flood_of(profile, 3).limit) == (0.2, 0.2)
    assert mix_of(profile, 3).measured == pytest.approx(0.5)
    assert mix_of(profile, 3).limit == 0.3
    assert flood_of(profile, 1) is None
    listed = profile_categories(letters(*spans), pieces, frozenset("abcd"))
    assert listed.unseen.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("one", "other", "bits"),
    [([1, 0], [1, 0], 0), ([1, 0], [0, 1], 1), ([0.5, 0.5], [1, 0], 0.311278)],
)
def test_divergence_is_in_bits(one, other, bits):
    assert divergence(np.array(one, float), np.array(other, float)) == pytest.approx(bits, abs=1e-6)


def table(**columns):
    return pa.table(columns)


def test_skew_warns_and_what_has_nothing_in_common_fails():
    kinds = {"place": "category", "x": "number", "y": "number"}
    columns = [ModelColumn(name=n, source=n, kind=k) for n, k in kinds.items()]
    x = np.arange(1000.0)
    train = table(place=[*"aabb"] * 250, x=x, y=x)
    recent = table(place=[*"abbb"] * 250, x=x + 5000, y=x)
    found = judge_skew({SplitName.TRAIN: train, SplitName.RECENT: recent}, columns)
    said = {f.subject: (f.severity, f.measured) for f in found}
    assert said["place in recent"] == (Severity.WARN, 0.25)
    # All is above the last of ten bins, which holds a tenth of the training rows.
    assert said["x in recent"][0] is Severity.WARN
    assert "y in recent" not in said
    gone = table(place=[None] * 1000, x=pa.array([None] * 1000, pa.float64()), y=x)
    gone = gone.set_column(0, "place", pa.array([None] * 1000, pa.string()))
    found = judge_skew({SplitName.TRAIN: train, SplitName.RECENT: gone}, columns)
    assert {f.subject for f in found if f.severity is Severity.FAIL} == {
        "place in recent",
        "x in recent",
    }


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
def test_the_history_gate(tmp_path, changed, positives, failed):
    plan = plan_of(tmp_path)
    found = judge_history(plan, lineage_of(plan, **changed), positives)
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
def test_the_history_gate_on_spans(tmp_path, spans, labelled, failed):
    # 369 of 410 rows are 90%.
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    kept = tuple(s.model_copy(update={"labelled": labelled}) for s in lineage.spans[:spans])
    found = judge_history(plan, lineage.model_copy(update={"spans": kept}), 900)
    assert {f.code for f in found if f.severity is Severity.FAIL} == failed


def test_newest_labels_that_did_not_arrive_are_said(tmp_path):
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    newest = lineage.spans[-1].model_copy(update={"labelled": 205})
    late = lineage.model_copy(update={"spans": (*lineage.spans[:-1], newest)})
    found = [f for f in judge_history(plan, late, 900) if f.severity is not Severity.INFO]
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
def test_freshness_is_held_against_max_age(tmp_path, newest, severity, measured):
    plan = plan_of(tmp_path)
    state = SourceState(name="weather", newest=newest, future_rows=0)
    found = judge_sources(plan, lineage_of(plan, external=(state,)))
    (fresh,) = [f for f in found if f.code == "freshness"]
    assert (fresh.severity, fresh.measured, fresh.limit) == (severity, measured, "3h")


def test_joins_that_fall_off_and_repeated_keys_warn(tmp_path):
    plan = plan_of(tmp_path)
    lineage = lineage_of(plan)
    newest = lineage.spans[-1].model_copy(update={"joined": {"weather": 300}})
    state = lineage.external[0].model_copy(update={"duplicates": 2})
    changed = {"spans": (*lineage.spans[:-1], newest), "external": (state,)}
    found = {f.code: f for f in judge_sources(plan, lineage.model_copy(update=changed))}
    # 300 of 410 where 400 of 410 was usual.
    assert found["coverage"].severity is Severity.WARN
    assert found["coverage"].measured == pytest.approx(300 / 410, abs=1e-4)
    assert found["coverage"].limit == pytest.approx(0.9 * 400 / 410, abs=1e-4)
    assert "the last of each is joined" in found["source_duplicates"].sentence


def test_rows_left_out_are_said(tmp_path):
    lineage = lineage_of(plan_of(tmp_path))
    spans = tuple(s.model_copy(update={"duplicates": 1, "outside": 2}) for s in lineage.spans)
    found = judge_rows(lineage.model_copy(update={"spans": spans}))
    said = {f.code: (f.severity, f.measured) for f in found}
    assert said == {
        "refused": (Severity.INFO, 1),
        "duplicates": (Severity.WARN, 12),
        "outside": (Severity.WARN, 24),
    }


def test_rates_are_learned_elsewhere():
    # One value everywhere; the first of five parts has all the positive rows.
    answer = np.repeat([1.0, 0, 0, 0, 0], 20)
    rates = rates_elsewhere(np.zeros(100, np.int64), answer)
    assert rates[:20].tolist() == [0.0] * 20
    # 20 of 80 elsewhere, drawn towards their own mean: the same quarter.
    assert rates[20:].tolist() == pytest.approx([0.25] * 80)


def test_bins_and_codes_keep_missing_apart():
    assert category_codes(pa.chunked_array([["a", None, "b", "a"]])).tolist() == [0, 1, 2, 0]
    codes = bin_codes(np.array([1.0, np.nan, 2.0, 3.0]))
    assert len({*codes.tolist()}) == 4
    assert codes[0] < codes[2] < codes[3] < codes[1]
    assert bin_codes(np.array([np.nan, np.nan])).tolist() == [0, 0]


def leaky(values):
    """Training rows whose column x is made from the label; at most 4,000."""
    random = np.random.default_rng(9)
    label = (random.random(4000) < 0.3).astype(np.int8)
    at = pa.array([START + i * dt.timedelta(minutes=1) for i in range(4000)])
    return table(at=at, x=pa.array(values(label, random), from_pandas=True), returned=label)


@pytest.mark.parametrize(
    ("kind", "values", "severity"),
    [
        ("number", lambda y, r: y + r.normal(0, 0.2, len(y)), Severity.FAIL),
        ("number", lambda y, r: -y + r.normal(0, 0.2, len(y)), Severity.FAIL),
        ("number", lambda y, r: y + r.normal(0, 0.5, len(y)), Severity.WARN),
        ("number", lambda y, r: y + r.normal(0, 2, len(y)), None),
        ("number", lambda y, r: np.where(y == 1, np.nan, r.random(len(y))), Severity.FAIL),
        ("number", lambda y, r: y * r.choice([-9, 9], len(y)) + r.random(len(y)), Severity.FAIL),
        ("category", lambda y, r: np.where(y == 1, "yes", "no"), Severity.FAIL),
        ("category", lambda y, r: r.choice([*"abc"], len(y)), None),
        ("category", lambda y, r: [f"id{i}" for i in range(len(y))], None),
    ],
)
def test_a_column_that_tells_the_label_is_found(kind, values, severity):
    columns = [ModelColumn(name="x", source="x", kind=kind)]
    found = judge_leaks(leaky(values), columns, "returned", "at", "binary")
    told = [f.severity for f in found if f.subject == "x"]
    assert told == ([] if severity is None else [severity])


def test_an_instant_is_judged_by_its_distance_from_the_event():
    rows = leaky(lambda y, r: y * 1.0)
    hours = rows["returned"].to_numpy() * 3_600_000_000
    ended = pa.array(rows["at"].cast(pa.int64()).to_numpy() + hours, pa.timestamp("us", "UTC"))
    columns = [
        ModelColumn(name="ended", source="ended", kind="timestamp"),
        ModelColumn(name="at", source="at", kind="timestamp"),
    ]
    found = judge_leaks(rows.append_column("ended", ended), columns, "returned", "at", "binary")
    assert {f.subject for f in found if f.severity is Severity.FAIL} == {"ended"}


def test_the_telling_power_is_the_tasks_own_auc():
    rows = leaky(lambda y, r: y + r.normal(0, 1, len(y)))
    columns = [ModelColumn(name="x", source="x", kind="number")]
    (best,) = judge_leaks(rows, columns, "returned", "at", "binary")
    auc = task_of("binary").metrics["auc"](rows["returned"].to_numpy(), rows["x"].to_numpy())
    assert best.measured == pytest.approx(auc, abs=0.01)
    assert COLUMNS
