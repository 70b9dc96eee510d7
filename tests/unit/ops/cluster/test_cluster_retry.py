"""What is retryable, and how long to wait."""

import pytest

from components.ops.cluster.api_client import (
    RetryPolicy,
    is_rejection,
    is_retryable,
    is_write_conflict,
    parse_retry_after,
)

WEBHOOK = 'Internal error occurred: failed calling webhook "x": connection refused'
TYPED = "failed to create typed patch object (a/b; v1, Kind=C): .spec.x: field not declared"


@pytest.mark.parametrize(
    ("code", "status", "retry_after_s", "retryable"),
    [
        (429, {}, None, True),
        (503, {}, None, True),
        (502, {"message": "bad gateway"}, None, True),
        (504, {"message": "gateway timeout"}, None, True),
        (504, {"reason": "Timeout"}, None, True),
        (504, {"reason": "Other"}, None, False),
        (500, {"reason": "ServerTimeout"}, None, True),
        (500, {"reason": "InternalError"}, 1.0, True),
        (500, {"reason": "InternalError"}, None, False),
        (500, {"reason": "InternalError", "message": WEBHOOK}, None, True),
        (500, {"message": TYPED}, None, False),
        (500, {}, None, False),
        (404, {}, None, False),
        (403, {}, 1.0, False),
        (409, {"reason": "Conflict"}, None, False),
        (200, {}, None, False),
    ],
)
def test_what_is_retryable(code, status, retry_after_s, retryable):
    assert is_retryable(code, status, retry_after_s) is retryable


@pytest.mark.parametrize(
    ("code", "message", "rejected"),
    [(404, "", True), (422, "", True), (500, TYPED, True), (500, "", False), (501, "", False)],
)
def test_what_is_a_rejection(code, message, rejected):
    assert is_rejection(code, {"message": message}) is rejected


@pytest.mark.parametrize(
    ("code", "status", "conflict"),
    [
        (409, {"reason": "Conflict"}, True),
        (409, {"reason": "Conflict", "details": {"name": "a"}}, True),
        (409, {"reason": "Conflict", "details": {"causes": [{"field": "a"}]}}, False),
        (409, {"reason": "AlreadyExists"}, False),
        (503, {"reason": "Conflict"}, False),
    ],
)
def test_what_is_a_write_conflict(code, status, conflict):
    assert is_write_conflict(code, status) is conflict


@pytest.mark.parametrize(
    ("header", "status", "seconds"),
    [
        ("7", {}, 7.0),
        ("7", {"details": {"retryAfterSeconds": 2}}, 7.0),
        (None, {"details": {"retryAfterSeconds": 2}}, 2.0),
        (None, {"details": None}, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, None),
        ("-1", {}, None),
    ],
)
def test_how_long_the_server_asks_to_wait(header, status, seconds):
    assert parse_retry_after(header, status) == seconds


@pytest.mark.parametrize(
    ("failures", "retry_after_s", "jitter", "seconds"),
    [
        # 1 s, doubled: half of it is certain, half is jitter.
        (1, None, 0.0, 0.5),
        (1, None, 0.5, 0.75),
        (2, None, 0.0, 1.0),
        (4, None, 0.0, 4.0),
        (5, None, 0.0, 5.0),
        (5000, None, 0.0, 5.0),
        # What is asked for is kept to, and spread.
        (1, 30.0, 0.0, 30.0),
        (2, 30.0, 0.5, 30.5),
    ],
)
def test_backoff_doubles_up_to_its_maximum(monkeypatch, failures, retry_after_s, jitter, seconds):
    monkeypatch.setattr("random.random", lambda: jitter)
    retry_policy = RetryPolicy(initial_backoff_s=1.0, max_backoff_s=10.0)
    assert retry_policy.backoff_s(failures, retry_after_s) == pytest.approx(seconds)
