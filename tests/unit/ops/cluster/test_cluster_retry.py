"""What may pass, and how long to wait."""

import pytest

from components.ops.cluster.retry import (
    Patience,
    asked_pause_s,
    is_collision,
    is_refusal,
    may_pass,
)

WEBHOOK = 'Internal error occurred: failed calling webhook "x": connection refused'
TYPED = "failed to create typed patch object (a/b; v1, Kind=C): .spec.x: field not declared"


@pytest.mark.parametrize(
    ("code", "status", "asked_s", "passes"),
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
def test_what_may_pass(code, status, asked_s, passes):
    assert may_pass(code, status, asked_s) is passes


@pytest.mark.parametrize(
    ("code", "message", "refused"),
    [(404, "", True), (422, "", True), (500, TYPED, True), (500, "", False), (501, "", False)],
)
def test_what_is_a_refusal(code, message, refused):
    assert is_refusal(code, {"message": message}) is refused


@pytest.mark.parametrize(
    ("code", "status", "collided"),
    [
        (409, {"reason": "Conflict"}, True),
        (409, {"reason": "Conflict", "details": {"name": "a"}}, True),
        (409, {"reason": "Conflict", "details": {"causes": [{"field": "a"}]}}, False),
        (409, {"reason": "AlreadyExists"}, False),
        (503, {"reason": "Conflict"}, False),
    ],
)
def test_what_is_a_collision(code, status, collided):
    assert is_collision(code, status) is collided


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
    assert asked_pause_s(header, status) == seconds


@pytest.mark.parametrize(
    ("failures", "asked_s", "chance", "seconds"),
    [
        # 1 s, doubled: half of it is sure, half is by chance.
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
def test_pauses_double_up_to_the_longest(failures, asked_s, chance, seconds):
    patience = Patience(first_pause_s=1.0, longest_pause_s=10.0)
    assert patience.pause_s(failures, asked_s, chance) == pytest.approx(seconds)
