"""Infra validation: what a server is asked, and how its responses are compared."""

import json
import math

import pytest

from components.core.artifacts import Golden
from components.core.verdict import Severity
from components.ops.deploy import infra_validation
from tests.unit.ops.targets.serving_factories import GOLDENS, card_of

CARD = card_of("v1")


def answer_of(probability: list[object], version: str = "v1") -> dict[str, object]:
    return {"model_version": version, "outputs": [{"name": "probability", "data": probability}]}


def test_the_golden_rows_as_a_v2_request() -> None:
    body = infra_validation.golden_request(CARD, GOLDENS)
    assert body == {
        "inputs": [
            {"name": "x", "shape": [3], "datatype": "FP64", "data": [0.3, None, 0.9]},
            {"name": "kind", "shape": [3], "datatype": "BYTES", "data": ["a", None, "b"]},
            {"name": "seen_at", "shape": [3], "datatype": "INT64", "data": [0, 60, 120]},
        ]
    }
    assert infra_validation.golden_request(CARD, GOLDENS, 1)["inputs"][0]["data"] == [0.3]


def test_invalid_requests_are_each_invalid_in_one_way() -> None:
    bodies = infra_validation.invalid_requests(CARD, GOLDENS)
    assert len(bodies) == 5
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(bodies["a body that is not JSON"])
    missing = json.loads(bodies["no column x"])["inputs"]
    assert [column["name"] for column in missing] == ["kind", "seen_at"]
    text = json.loads(bodies["a text in column x"])["inputs"]
    assert text[0]["data"] == ["no value"]
    assert text[1:] == infra_validation.golden_request(CARD, GOLDENS, 1)["inputs"][1:]


def test_a_model_of_categories_alone_is_not_asked_for_a_wrong_number() -> None:
    card = CARD.model_copy(update={"columns": (CARD.columns[1],)})
    assert len(infra_validation.invalid_requests(card, GOLDENS)) == 4


@pytest.mark.parametrize(
    ("served", "severity", "measured"),
    [
        ([0.3, 0.25, 0.9], Severity.INFO, 0.0),
        ([0.3, 0.25, 0.900009], Severity.INFO, 9e-6),
        ([0.3, 0.25, 0.90002], Severity.FAIL, 2e-5),
        ([0.3, 0.24, 0.9], Severity.FAIL, 0.01),
        ([0.3, math.nan, 0.9], Severity.FAIL, math.nan),
    ],
)
def test_goldens(served: list[object], severity: Severity, measured: float) -> None:
    finding = infra_validation.compare_golden_rows(GOLDENS, answer_of(served))
    assert finding.severity is severity
    assert finding.measured == pytest.approx(measured, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    "answer",
    [
        answer_of([0.3, 0.25]),
        answer_of([0.3, None, 0.9]),
        answer_of(["0.3", "0.25", "0.9"]),
        {"outputs": []},
        {"outputs": "text"},
        {},
    ],
)
def test_an_answer_without_a_probability_for_each_row_fails(answer: dict[str, object]) -> None:
    assert infra_validation.compare_golden_rows(GOLDENS, answer).severity is Severity.FAIL


@pytest.mark.parametrize(
    ("said", "severity"), [("v1", Severity.INFO), ("v0", Severity.FAIL), (None, Severity.FAIL)]
)
def test_answers_name_their_version(said: str | None, severity: Severity) -> None:
    assert infra_validation.compare_version(CARD, {"model_version": said}).severity is severity


@pytest.mark.parametrize(
    ("latencies", "severity", "measured"),
    [
        ([1.0] * 19 + [900.0], Severity.INFO, 1.0),  # one in twenty is left to chance
        ([1.0] * 18 + [900.0] * 2, Severity.FAIL, 900.0),
        ([101.0], Severity.FAIL, 101.0),
        ([100.0], Severity.INFO, 100.0),
    ],
)
def test_latency(latencies: list[float], severity: Severity, measured: float) -> None:
    finding = infra_validation.compare_latency(latencies, 100.0)
    assert (finding.severity, finding.measured) == (severity, measured)


def test_wrong_input_must_be_refused() -> None:
    assert infra_validation.compare_statuses({"a": 400, "b": 422}).severity is Severity.INFO
    finding = infra_validation.compare_statuses({"a": 400, "b": 500, "c": 200})
    assert finding.severity is Severity.FAIL
    assert finding.sentence == "b: 500; c: 200."


def test_golden_rows_of_any_number() -> None:
    one = Golden(columns={"x": (0.5,)}, probability=(0.5,), tolerance=0.0)
    assert infra_validation.compare_golden_rows(one, answer_of([0.5])).severity is Severity.INFO
