"""The gate by tables: every number is written here, none is measured."""

import pytest

from components.core.errors import InputError
from components.core.spec import Gates, Margin, Slice
from components.core.tasks import Comparison, ConfidenceInterval, task_of
from components.core.verdict import Finding, Severity
from components.model.evaluate.comparison import Challenger, SliceScore
from components.model.evaluate.gate import (
    GateResult,
    apply_gates,
    change_limit,
    meets_change,
    select_challenger,
    validate_gates,
)

TASK = task_of("binary")
GATES = Gates(
    floors={"auc": 0.65, "brier": 0.2},
    recent={"log_loss": "better"},
    reference={"log_loss": Margin(not_worse_by=0.005), "auc": Margin(not_worse_by=0.01)},
)


def interval(low, high):
    return ConfidenceInterval((low + high) / 2, low, high, 20)


def scores(differences=None, rows=1_000, blocks=20, is_finite=True, **metrics):
    """What the challenger scores on one holdout, and whether its probabilities are finite."""
    measured = {"auc": 0.7, "brier": 0.15, "log_loss": 0.5, **metrics}
    compared = {"retrained": differences or {}}
    return Comparison({"retrained": measured}, {}, compared, rows, blocks), is_finite


def challenger(recent=None, reference=None, **others):
    good = {"log_loss": interval(-0.02, -0.01), "auc": interval(0.0, 0.02)}
    by_holdout = {"recent": recent or scores(good), "reference": reference or scores(good)}
    is_finite = {holdout: finite for holdout, (_, finite) in by_holdout.items()}
    comparisons = {holdout: comparison for holdout, (comparison, _) in by_holdout.items()}
    return Challenger("retrained", is_finite, **others), comparisons


def failures(one, against_champion=True):
    return [(f.code, f.subject) for f in apply_gates(*one, GATES, TASK, against_champion).failures]


def test_a_challenger_that_meets_every_gate_passes():
    result = apply_gates(*challenger(), GATES, TASK, True)
    assert result.passes
    assert [f.code for f in result.findings] == [
        *("not_worse", "not_worse", "floor", "floor"),
        *("better", "floor", "floor"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "passed"),
    [
        (-0.020, -0.001, True),
        (-0.020, 0.0, False),  # the conservative bound must be beyond 0
        (-0.020, 0.001, False),  # better on the whole, but not surely
        (0.001, 0.020, False),
    ],
)
def test_better_means_that_the_conservative_bound_is_beyond_zero(low, high, passed):
    one = challenger(recent=scores({"log_loss": interval(low, high)}))
    assert failures(one) == ([] if passed else [("better", "retrained on recent: log_loss")])


@pytest.mark.parametrize(
    ("metric", "low", "high", "passed"),
    [
        ("log_loss", -0.010, 0.005, True),
        ("log_loss", -0.010, 0.006, False),
        ("log_loss", -0.020, -0.010, True),
        ("auc", -0.010, 0.020, True),
        ("auc", -0.011, 0.020, False),
        ("auc", 0.010, 0.020, True),
    ],
)
def test_not_worse_means_that_the_conservative_bound_is_within_the_margin(
    metric, low, high, passed
):
    good = {"log_loss": interval(-0.02, -0.01), "auc": interval(0.0, 0.02)}
    one = challenger(reference=scores({**good, metric: interval(low, high)}))
    wanted = [] if passed else [("not_worse", f"retrained on reference: {metric}")]
    assert failures(one) == wanted


def test_better_can_be_required_of_a_metric_that_rises():
    metric = TASK.metrics["auc"]
    assert meets_change(metric, "better", interval(0.001, 0.01))
    assert not meets_change(metric, "better", interval(-0.001, 0.01))
    assert change_limit(metric, Margin(not_worse_by=0.01)) == -0.01
    assert change_limit(metric, "better") == 0.0


def test_a_challenger_that_forgot_is_refused_for_that_first():
    worse = {"log_loss": interval(0.02, 0.04), "auc": interval(-0.06, -0.04)}
    reasons = failures(challenger(reference=scores(worse)))
    assert reasons == [
        ("not_worse", "retrained on reference: log_loss"),
        ("not_worse", "retrained on reference: auc"),
    ]


def test_a_margin_of_zero_allows_no_loss():
    assert meets_change(TASK.metrics["auc"], Margin(not_worse_by=0), interval(0.0, 0.1))
    assert not meets_change(TASK.metrics["auc"], Margin(not_worse_by=0), interval(-1e-9, 0.1))


@pytest.mark.parametrize("differences", [{}, {"log_loss": None, "auc": None}])
def test_what_cannot_be_compared_is_refused(differences):
    one = challenger(recent=scores(differences, blocks=3))
    assert failures(one) == [("better", "retrained on recent: log_loss")]
    (finding,) = apply_gates(*one, GATES, TASK, True).failures
    assert "3 block(s) are too few (at least 5)" in finding.sentence


@pytest.mark.parametrize(
    ("metrics", "wanted"),
    [
        ({"auc": 0.65, "brier": 0.2}, []),
        ({"auc": 0.649}, ["auc"]),
        ({"brier": 0.201}, ["brier"]),
        ({"auc": None}, ["auc"]),
        ({"auc": 0.1, "brier": 0.9}, ["auc", "brier"]),
    ],
)
def test_floors_hold_on_both_holdouts_from_the_better_side(metrics, wanted):
    good = {"log_loss": interval(-0.02, -0.01), "auc": interval(0.0, 0.02)}
    for holdout in ("recent", "reference"):
        one = challenger(**{holdout: scores(good, **metrics)})
        assert failures(one) == [("floor", f"retrained on {holdout}: {m}") for m in wanted]


def test_without_a_champion_the_floors_still_judge():
    one = challenger(recent=scores(), reference=scores(auc=0.5))
    assert failures(one, against_champion=False) == [("floor", "retrained on reference: auc")]


@pytest.mark.parametrize(
    ("broken", "code"), [(scores(rows=0), "holdout"), (scores(is_finite=False), "probability")]
)
def test_a_holdout_that_cannot_judge_refuses(broken, code):
    assert failures(challenger(recent=broken)) == [(code, "retrained on recent")]
    assert failures(challenger(reference=broken)) == [(code, "retrained on reference")]


@pytest.mark.parametrize(
    ("value", "is_judged", "failed"),
    [(0.6, True, False), (0.5, True, True), (None, True, True), (0.1, False, False)],
)
def test_slices_that_are_large_enough_have_floors(value, is_judged, failed):
    asked = Slice(by="c", floors={"auc": 0.55}, min_rows=800 if is_judged else 801)
    part = SliceScore(asked, "recent", "b", 800, {"auc": value})
    found = failures(challenger(slices=[part]))
    assert found == ([("slice", "retrained on c=b of recent")] if failed else [])


def test_a_failed_behaviour_test_refuses():
    finding = told("behaviour", Severity.FAIL, "retrained: rain")
    assert failures(challenger(behaviour=[finding])) == [("behaviour", "retrained: rain")]


def told(code, severity, subject="x", sentence="It is so."):
    return Finding(
        code=code, severity=severity, subject=subject, measured=None, limit=None, sentence=sentence
    )


LOG_LOSS = TASK.metrics["log_loss"]
PASSED = GateResult("retrained", (told("better", Severity.INFO, "retrained"),))
ALSO = GateResult("recalibrated", (told("better", Severity.INFO, "recalibrated"),))
FAILED = GateResult("retrained", (told("better", Severity.FAIL, "retrained", "Not better."),))


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        ({"retrained": 0.50, "recalibrated": 0.51}, "retrained"),
        ({"retrained": 0.52, "recalibrated": 0.51}, "recalibrated"),
    ],
)
def test_of_two_that_pass_the_better_on_the_newest_days_is_chosen(losses, wanted):
    selection = select_challenger([], [PASSED, ALSO], LOG_LOSS, losses)
    assert (selection.decision, selection.name) == ("deploy", wanted)
    assert "passes too" in selection.reason
    assert "log loss is 0.5" in selection.reason


def test_where_the_metric_rises_the_higher_one_is_chosen():
    areas = {"retrained": 0.70, "recalibrated": 0.71}
    assert select_challenger([], [PASSED, ALSO], TASK.metrics["auc"], areas).name == "recalibrated"


def test_the_failures_of_the_other_challenger_become_information():
    selection = select_challenger(
        [], [FAILED, ALSO], LOG_LOSS, {"retrained": 0.4, "recalibrated": 0.5}
    )
    assert (selection.decision, selection.name) == ("deploy", "recalibrated")
    assert [f.severity for f in selection.findings] == [Severity.INFO, Severity.INFO]
    assert "For information only: recalibrated was chosen" in selection.findings[0].sentence
    assert "retrained model does not pass" in selection.reason


def test_when_none_passes_the_reason_names_the_first_failure_of_each():
    selection = select_challenger([], [FAILED], LOG_LOSS, {"retrained": 0.4})
    assert (selection.decision, selection.name) == ("refuse", None)
    assert selection.reason == "Retrained: Not better."
    assert select_challenger([], [], LOG_LOSS, {}).decision == "refuse"


def test_a_failing_condition_refuses_whoever_passes():
    broken = told("champion", Severity.FAIL, "v1", "The champion cannot be read.")
    selection = select_challenger([broken], [PASSED], LOG_LOSS, {"retrained": 0.4})
    assert (selection.decision, selection.reason) == ("refuse", "The champion cannot be read.")
    assert selection.findings[0] == broken


def test_gates_name_only_metrics_that_judge():
    validate_gates(GATES, TASK)
    odd = GATES.model_copy(update={"slices": (Slice(by="c", floors={"rate": 1.0}),)})
    with pytest.raises(InputError, match=r"gates.slices\[0\].floors: given 'rate'"):
        validate_gates(odd, TASK)
