"""Block intervals: equal to brute force, honest about few blocks, and the same by seed."""

import dataclasses

import numpy as np
import pytest

from components.core.tasks import block_interval, blocks_of, compare, task_of
from components.core.tasks.bootstrap import BlockBootstrap, t_quantile
from components.core.tasks.metrics import Sample

METRICS = task_of("binary").metrics
NAN = float("nan")


def flights(rows=1_500, days=12, seed=0, effect=0.8):
    """Rows in days that differ: label, a good probability, a worse one, the day."""
    random = np.random.default_rng(seed)
    day = random.integers(0, days, rows)
    logit = random.normal(size=rows) - 1
    truth = 1 / (1 + np.exp(-(logit + random.normal(0, effect, days)[day])))
    good = 1 / (1 + np.exp(-logit))
    worse = 1 / (1 + np.exp(-(logit + random.normal(0, 0.8, rows))))
    return (random.random(rows) < truth).astype(int), np.round(good, 3), np.round(worse, 3), day


def difference(metric, label, prediction, against, day):
    predictions = {"ours": prediction, "theirs": against}
    return compare([metric], label, predictions, day, against="theirs").differences["ours"][
        metric.name
    ]


@pytest.mark.parametrize("name", [n for n in METRICS if n != "calibration_error"])
def test_drawing_blocks_equals_copying_their_rows(name):
    label, probability, _, day = flights(rows=400, days=7)
    draws = BlockBootstrap.of(day, 200, 1)
    fast = draws.values(METRICS[name], Sample.of(label, probability))
    assert len(fast) == 200
    for value, drawn in zip(fast[:40], draws.drawn[:40], strict=True):
        rows = np.concatenate(
            [np.flatnonzero(day == b) for b in range(7) for _ in range(int(drawn[b]))]
        )
        assert value == pytest.approx(METRICS[name](label[rows], probability[rows]), abs=1e-9)


def test_calibration_error_is_resampled_within_the_bins_of_the_sample():
    label, probability, _, day = flights(rows=400, days=7)
    probability = np.repeat(np.linspace(0.05, 0.95, 10), 40)  # ten values of equal mass: ten bins
    draws = BlockBootstrap.of(day, 200, 1)
    fast = draws.values(METRICS["calibration_error"], Sample.of(label, probability))
    weight = draws.drawn[0][day]
    gaps = [np.sum((weight * (probability - label))[probability == p]) for p in set(probability)]
    assert fast[0] == pytest.approx(np.abs(gaps).sum() / weight.sum())


def test_thinned_average_precision_stays_close_to_the_exact_one():
    random = np.random.default_rng(2)
    probability = random.random(9_000)
    label = random.random(9_000) < probability
    day = random.integers(0, 6, 9_000)
    draws = BlockBootstrap.of(day, 200, 1)
    fast = draws.values(METRICS["pr_auc"], Sample.of(label, probability))
    for value, drawn in zip(fast[:5], draws.drawn[:5], strict=True):
        copies = drawn[day].astype(int)
        exact = METRICS["pr_auc"](np.repeat(label, copies), np.repeat(probability, copies))
        assert value == pytest.approx(exact, abs=1e-3)


def test_a_pair_table_cut_into_parts_is_the_whole(monkeypatch):
    label, probability, _, day = flights()
    whole = block_interval(METRICS["auc"], label, probability, day, resamples=200)
    monkeypatch.setattr("components.core.tasks.metrics._CELLS", 500)
    parts = block_interval(METRICS["auc"], label, probability, day, resamples=200)
    assert parts.low == pytest.approx(whole.low, abs=1e-12)
    assert parts.high == pytest.approx(whole.high, abs=1e-12)


@pytest.mark.parametrize("name", list(METRICS))
def test_the_interval_holds_its_estimate_and_is_the_same_by_seed(name):
    label, good, _, day = flights()
    one = block_interval(METRICS[name], label, good, day, seed=5)
    assert one == block_interval(METRICS[name], label, good, day, seed=5)
    assert one.estimate == METRICS[name](label, good)
    assert one.low < one.estimate < one.high
    assert one.blocks == 12
    if name != "mean_probability":
        assert one != block_interval(METRICS[name], label, good, day, seed=6)


def test_a_difference_is_signed_and_pairs_cancel_what_moves_both():
    label, good, worse, day = flights(rows=6_000, effect=1.0)
    loss = METRICS["log_loss"]
    better = difference(loss, label, good, worse, day)
    alone = block_interval(loss, label, good, day)
    assert better.high < 0
    assert better.high - better.low < (alone.high - alone.low) / 3
    mirrored = difference(loss, label, worse, good, day)
    assert mirrored.estimate == pytest.approx(-better.estimate)
    assert mirrored.low == pytest.approx(-better.high, abs=1e-9)
    same = difference(loss, label, good, good, day)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("days", [0, 1, 4])
def test_under_five_blocks_there_is_no_interval(days):
    label, good, worse, _ = flights(rows=100)
    rows = 100 if days else 0
    day = np.arange(rows) % max(days, 1)
    assert block_interval(METRICS["brier"], label[:rows], good[:rows], day) is None
    assert difference(METRICS["brier"], label[:rows], good[:rows], worse[:rows], day) is None


def test_five_blocks_are_enough():
    label, good, _, _ = flights(rows=100)
    assert block_interval(METRICS["brier"], label, good, np.arange(100) % 5).blocks == 5


def test_no_interval_where_the_metric_is_often_not_defined():
    label = np.zeros(100)
    label[0] = 1  # the positive row lies in one of ten blocks: absent from a third of the draws
    assert (
        block_interval(METRICS["auc"], label, np.linspace(0, 1, 100), np.arange(100) // 10) is None
    )


def test_what_is_not_finite_has_no_interval_and_no_difference():
    label, good, _, day = flights(rows=100)
    broken = np.where(np.arange(100) == 3, NAN, good)
    assert block_interval(METRICS["brier"], label, broken, day) is None
    assert difference(METRICS["brier"], label, good, broken, day) is None


def test_rows_and_blocks_must_pair_up():
    with pytest.raises(ValueError, match="blocks"):
        block_interval(METRICS["brier"], [0, 1], [0.1, 0.2], np.arange(6))


def test_confidence_widens():
    label, good, _, day = flights()
    narrow = block_interval(METRICS["brier"], label, good, day, confidence=0.8)
    wide = block_interval(METRICS["brier"], label, good, day, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("days", [10, 60])
def test_the_interval_covers_as_often_as_it_says(days):
    """Where days differ, 95% of block intervals hold the truth; row intervals far fewer."""
    rate, trials, held, held_by_rows = METRICS["rate"], 300, 0, 0
    for trial in range(trials):
        random = np.random.default_rng(trial)
        rates = random.beta(4, 12, days)  # mean 0.25
        label = (random.random((days, 40)) < rates[:, None]).reshape(-1)
        day = np.repeat(np.arange(days), 40)
        by_day = block_interval(rate, label, label, day, resamples=400, seed=trial)
        held += by_day.low <= 0.25 <= by_day.high
        row_error = 1.96 * np.sqrt(label.mean() * (1 - label.mean()) / label.size)
        held_by_rows += abs(label.mean() - 0.25) <= row_error
    assert 0.91 <= held / trials <= 0.985
    assert held_by_rows / trials < 0.8


@pytest.mark.parametrize(("freedom", "table"), [(4, 2.776), (9, 2.262), (29, 2.045), (59, 2.001)])
def test_t_quantiles_are_those_of_the_table(freedom, table):
    assert t_quantile(0.975, freedom) == pytest.approx(table, rel=0.01)


@pytest.mark.parametrize(
    ("level", "freedom", "exact", "fourth"),  # exact: scipy.stats.t.ppf(level, freedom)
    [
        (0.8, 30, 0.8537672614712979, 0.012),
        (0.8, 100, 0.8452304244910163, 0.012),
        (0.975, 30, 2.0422724563012378, 1.7),
        (0.975, 100, 1.9839715185235518, 1.7),
        (0.975, 1000, 1.9623390808264083, 1.7),
        (0.995, 30, 2.7499956535672254, 13),
        (0.995, 100, 2.6258905214380173, 13),
        (0.995, 1000, 2.580754698065951, 13),
    ],
)
def test_t_quantiles_leave_out_the_fourth_term_alone(level, freedom, exact, fourth):
    assert t_quantile(level, freedom) == pytest.approx(exact, abs=fourth / freedom**4, rel=0)


def test_blocks_follow_utc_time():
    times = np.array(
        [
            "2013-07-01T00:00",
            "2013-07-01T23:59",
            "2013-07-02T00:00",
            "2013-07-07T23:59",
            "2013-07-08",
        ],
        dtype="datetime64[us]",
    )  # 2013-07-01 was a Monday
    day, hour, week = (blocks_of(times, block) for block in ("day", "hour", "week"))
    assert (day - day[0]).tolist() == [0, 0, 1, 6, 7]
    assert (hour - hour[0]).tolist() == [0, 23, 24, 167, 168]
    assert (week - week[0]).tolist() == [0, 0, 0, 0, 1]


def test_comparing_gives_what_the_single_calls_give():
    label, good, worse, day = flights()
    metrics = [METRICS["auc"], METRICS["brier"]]
    both = compare(metrics, label, {"a": good, "b": worse}, day, against="b", resamples=300, seed=4)
    for metric in metrics:
        alone = block_interval(metric, label, good, day, resamples=300, seed=4)
        draws = BlockBootstrap.of(day, 300, 4)
        ours, theirs = (draws.values(metric, Sample.of(label, p)) for p in (good, worse))
        pair = draws.interval(
            metric(label, good) - metric(label, worse), ours - theirs, 0.95, (-np.inf, np.inf)
        )
        assert both.intervals["a"][metric.name] == alone
        assert both.differences["a"][metric.name] == pair
        assert both.values["b"][metric.name] == metric(label, worse)
    assert set(both.differences) == {"a"}
    assert (both.rows, both.blocks) == (1_500, 12)


def test_comparing_bears_what_is_not_defined():
    label, good, _, day = flights(rows=60)
    broken = np.full(60, NAN)
    found = compare([METRICS["auc"]], label, {"a": broken, "b": good}, day, against="b")
    assert found.values["a"]["auc"] is None
    assert found.intervals["a"]["auc"] is None
    assert found.differences["a"]["auc"] is None
    nothing = compare([METRICS["auc"]], [], {"a": [], "b": []}, [], against="b")
    assert nothing.values["a"]["auc"] is None
    assert (nothing.rows, nothing.blocks) == (0, 0)


@pytest.mark.parametrize("name", list(METRICS))
@pytest.mark.parametrize("flip", [False, True])
def test_an_interval_stays_within_what_its_metric_can_be(name, flip):
    """Nearly perfect but on one day of six, or the opposite; an AUC reached to 1.013 here."""
    metric, (label, prediction, day) = METRICS[name], one_bad_day(flip)
    low, high = metric.bounds
    interval = block_interval(metric, label, prediction, day)
    assert low <= interval.low <= interval.estimate <= interval.high <= high
    change = difference(metric, label, prediction, 1 - prediction, day)
    assert low - high <= change.low <= change.estimate <= change.high <= high - low
    unbounded = dataclasses.replace(METRICS["auc"], bounds=(-np.inf, np.inf))
    beyond = block_interval(unbounded, label, prediction, day)
    assert beyond.low < 0 if flip else beyond.high > 1


def one_bad_day(flip):
    day = np.repeat(np.arange(6), 20)
    label = np.tile([0, 1], 60)
    wrong = np.where(day == 0, 0.1 + 0.8 * label, 0.9 - 0.8 * label)
    return label, wrong if flip else 1 - wrong, day


def test_every_metric_reaches_no_further_than_its_bounds():
    label = np.array([0, 1, 0, 1])
    for metric in METRICS.values():
        for predictions in (label, 1 - label):
            assert metric.bounds[0] <= metric(label, predictions) <= metric.bounds[1]
