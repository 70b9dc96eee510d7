import time
from datetime import UTC, datetime

import pytest
from serve_process import INFER, PREDICT, row, tensors

from components.core.artifacts import SERVER_LATENCY_BOUNDS_MS, TRIAL_REQUEST

ONE = {"instances": [row(1)]}
ASKED = {  # path, body, what is counted
    "v1": (PREDICT, ONE, 'protocol="v1",status="200"'),
    "v2": (INFER, {"inputs": tensors([row(1)])}, 'protocol="v2",status="200"'),
    "rejected": (PREDICT, {"instances": []}, 'protocol="v1",status="400"'),
    "failed": (PREDICT, {"instances": [row(1, carrier="nan")]}, 'protocol="v1",status="500"'),
    "KServe's own path": (
        INFER,
        {"inputs": tensors([row(1)]), "outputs": [{"name": "probability"}]},
        'protocol="v2",status="200"',
    ),
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_answer_is_counted_and_timed_once(served, asked):
    path, body, labels = ASKED[asked]
    names = (
        f"ratoon_requests_total{{{labels}}}",
        "ratoon_requests_total",
        "ratoon_request_seconds_count",
    )
    before = [served.metric(name) for name in names]
    started = time.perf_counter()
    seconds = served.metric("ratoon_request_seconds_sum")
    served.post(path, json=body)
    assert [served.metric(name) - was for name, was in zip(names, before, strict=True)] == [1, 1, 1]
    took = served.metric("ratoon_request_seconds_sum") - seconds
    assert 0 < took < time.perf_counter() - started


@pytest.mark.parametrize("asked", ASKED)
def test_a_validation_request_is_counted_nowhere(served, asked):
    path, body, _ = ASKED[asked]
    names = ("ratoon_requests_total", "ratoon_request_seconds_count", "ratoon_last_request")
    before = [served.metric(name) for name in names]
    answer = served.post(path, json=body, headers={"X-Request-ID": f"{TRIAL_REQUEST}2"})
    assert answer.status_code in (200, 400, 500)
    assert [served.metric(name) for name in names] == before


def test_other_requests_are_counted_nowhere(served):
    before = served.metric("ratoon_request_seconds_count")
    with served.client() as client:
        assert client.get("/v2/health/ready").status_code == 200
        assert client.get(PREDICT).status_code == 405
        assert client.post("/v1/models/none:predict", json=ONE).status_code == 404
    assert served.metric("ratoon_request_seconds_count") == before


def test_the_buckets_are_those_that_a_rollout_reads(served):
    served.post(PREDICT, json=ONE)
    with served.client() as client:
        lines = client.get("/metrics").text.splitlines()
    head = "ratoon_request_seconds_bucket{le="
    found = [line.removeprefix(head) for line in lines if line.startswith(head)]
    bounds = [line.partition("}")[0].strip('"') for line in found]
    counts = [float(line.rpartition(" ")[2]) for line in found]
    assert bounds[-1] == "+Inf"
    assert [float(b) for b in bounds[:-1]] == [ms / 1000 for ms in SERVER_LATENCY_BOUNDS_MS]
    assert counts == sorted(counts)
    assert counts[-1] == served.metric("ratoon_request_seconds_count") > 0


def test_the_age_of_the_model_and_of_the_traffic(served):
    trained = datetime(2013, 7, 1, tzinfo=UTC).timestamp()
    assert served.metric("ratoon_model_trained_timestamp_seconds") == trained
    before = time.time()
    served.post(PREDICT, json=ONE)
    assert before < served.metric("ratoon_last_request_timestamp_seconds") < time.time()
