"""What a spec asks for beside the comparison: slices, metrics by name, behaviour."""

import pytest
from evaluate_factories import STALE, TRUTH, EvaluationFactory, Weights, failed

from components.core.errors import InputError
from components.model.evaluate.run import evaluate


def test_slices_have_floors_of_their_own(tmp_path):
    gates = "gates: {slices: [{by: c, floors: {auc: 0.8}, min_rows: 300}]}"
    factory = EvaluationFactory(
        tmp_path, truth=Weights(of_x=1.1), gates=gates, first_model="allowed"
    )
    found = evaluate(factory.folders(Weights(of_x=1.1), None), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in failed(found, "slice")} <= {
        f"retrained on c={c} of {h}" for c in "ab" for h in ("recent", "reference")
    }
    assert "Slices: retrained" in found.page


@pytest.mark.parametrize(
    "gates",
    [
        "gates: {floors: {acu: 0.5}}",
        "gates: {recent: {rate: better}}",
        "gates: {reference: {mape: {not_worse_by: 1}}}",
        "gates: {slices: [{by: c, floors: {f1: 1}}]}",
    ],
)
def test_an_unknown_metric_is_answered_with_the_known_ones(tmp_path, gates):
    factory = EvaluationFactory(tmp_path, gates=gates)
    with pytest.raises(InputError, match="auc, log_loss, brier, pr_auc, calibration_error"):
        evaluate(factory.folders(TRUTH, None), "run-1")


def test_an_unknown_slice_column_is_answered_with_the_known_ones(tmp_path):
    factory = EvaluationFactory(
        tmp_path, gates="gates: {slices: [{by: carrier, floors: {auc: 0.5}}]}"
    )
    with pytest.raises(InputError, match="id, at, x, c, late"):
        evaluate(factory.folders(TRUTH, None), "run-1")


BEHAVIOUR = "gates: {behaviour: behaviour.yaml}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "No such file"),
        ("", "mapping"),
        ("invariance: []", "there is no test in it"),
        ("direction: [{name: d, column: y, add: 1, effect: raises}]", "a raw column: x, c, at"),
        ("minimum: [{name: m, metric: {acu: 1}}]", "auc, log_loss"),
        ("invariance: [{name: i, column: x, values: [a, b], tolerance: 0.1}]", "double"),
        ("direction: [{name: d, column: c, add: 1, effect: raises}]", "a number or a timestamp"),
    ],
)
def test_behaviour_tests_that_cannot_be_run_close_the_gate(tmp_path, text, sentence):
    factory = EvaluationFactory(tmp_path, gates=BEHAVIOUR, first_model="allowed")
    found = evaluate(factory.folders(TRUTH, None, text), "run-1")
    assert found.verdict.decision == "refuse"
    (finding,) = failed(found, "behaviour")
    assert sentence in finding.sentence


def test_behaviour_is_judged_whatever_the_metrics_say(tmp_path):
    tests = """
direction:
  - {name: more x is later, column: x, add: 1, effect: raises, min_share: 95%}
  - {name: more x is earlier, column: x, add: 1, effect: lowers}
"""
    factory = EvaluationFactory(tmp_path, gates=BEHAVIOUR)
    found = evaluate(factory.folders(TRUTH, factory.champion(STALE), tests), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in found.verdict.failures} >= {"retrained: more x is earlier"}
    assert "retrained: more x is later" not in {f.subject for f in found.verdict.failures}
