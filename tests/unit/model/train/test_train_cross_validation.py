"""Blocks to hold out, and the epochs that they select."""

import numpy as np
import pytest

from components.core.spans import SpanKind
from components.core.tasks import task_of
from components.model.train.training import cross_validate, score_block, select_epochs, time_blocks


def _days(start, days, per_day=4):
    first = np.datetime64(start, "us")
    return np.repeat(first + np.arange(days) * np.timedelta64(1, "D"), per_day)


def test_months_where_the_data_is_cut_by_month():
    blocks = time_blocks(_days("2024-01-01", 121), SpanKind.MONTH)
    assert [b.name for b in blocks] == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert [len(b.rows) for b in blocks] == [31 * 4, 29 * 4, 31 * 4, 30 * 4]
    assert blocks[1].rows[0] == 31 * 4


def test_of_many_months_six_from_first_to_last():
    blocks = time_blocks(_days("2023-01-01", 365), SpanKind.MONTH)
    assert [b.name[-2:] for b in blocks] == ["01", "03", "05", "08", "10", "12"]


def test_a_month_of_few_rows_is_never_held_out():
    blocks = time_blocks(_days("2024-01-01", 31 + 29 + 31 + 2), SpanKind.MONTH)
    assert [b.name for b in blocks] == ["2024-01", "2024-02", "2024-03"]


def test_two_months_are_cut_by_length_as_days_are():
    times = _days("2024-01-01", 60)
    by_day = time_blocks(times, SpanKind.DAY)
    assert [b.name for b in by_day] == [b.name for b in time_blocks(times, SpanKind.MONTH)]
    assert len(by_day) == 6
    assert np.concatenate([b.rows for b in by_day]).tolist() == list(range(240))
    assert {len(b.rows) for b in by_day} == {40}


def test_rows_out_of_order_and_no_rows():
    times = _days("2024-01-01", 12, 1)[::-1]
    assert time_blocks(times, SpanKind.DAY)[0].rows.tolist() == [10, 11]
    assert time_blocks(times[:0], SpanKind.DAY) == ()


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([[0.5, 0.4, 0.3], [0.6, 0.5, 0.4]], 3),  # still falling
        ([[0.5, 0.6, 0.7], [0.7, 0.8, 0.9]], 1),  # every block grows
        ([[0.5, 0.4, 0.5], [0.5, 0.4, 0.31]], 3),  # blocks do not agree: undecided
        ([[0.5, 0.4, 0.6], [0.5, 0.4, 0.61]], 2),  # from the second on both grow
        ([[0.4, 0.41], [0.4, 0.43]], 2),  # 0.02 behind, with a standard error of 0.01
        ([[0.4, 0.41], [0.4, 0.429]], 1),  # 0.0195 behind, with one of 0.0095
        ([[0.1, 0.9, 0.9]], 3),  # one block decides nothing
    ],
)
def test_blocks_select_the_epochs(losses, epochs):
    assert select_epochs(np.array(losses)) == epochs


class _Memoriser:
    """Answers the mean label of the rows that it was trained on."""

    model, parts = None, ()

    def __init__(self, label):
        self.label, self.trained_on = label, []

    def fit(self, rows, epochs, watched):
        self.trained_on.append(set(rows.tolist()))
        return [np.full(len(watched), self.label[rows].mean())] * epochs

    def logit(self, inputs):
        raise NotImplementedError


def test_each_block_is_scored_by_a_model_that_did_not_see_it():
    label = np.tile([0.0, 1.0, 1.0], 40)
    blocks = time_blocks(_days("2024-01-01", 30), SpanKind.DAY)
    learner = _Memoriser(label)
    found = cross_validate(learner, label, blocks, 2, task_of("binary"))
    assert found.epochs == 2
    for block, seen in zip(blocks, learner.trained_on, strict=True):
        assert seen == set(range(120)) - set(block.rows.tolist())
    assert [s.rows for s in found.scores] == [20] * 6
    assert {"auc", "log_loss", "brier", "calibration_error", "rate"} <= set(found.scores[0].metrics)


def test_with_one_block_nothing_is_held_out():
    blocks = time_blocks(_days("2024-01-01", 1), SpanKind.DAY)
    found = cross_validate(_Memoriser(np.ones(4)), np.ones(4), blocks, 3, task_of("binary"))
    assert (found.epochs, found.scores) == (3, ())


def test_a_metric_that_is_not_defined_is_left_out():
    metrics = score_block(
        "one class", np.ones(3), np.array([0.2, 0.3, 0.4]), task_of("binary")
    ).metrics
    assert "auc" not in metrics
    assert metrics["rate"] == 1.0
