import asyncio
import json

import pytest
from starlette.requests import ClientDisconnect

from components.model.serve.middleware import Action, ModelRoutes, PredictMiddleware, read_body
from components.model.serve.parsers import InvalidInput

ROUTES = ModelRoutes("m", "7")


def get(path, is_ready):
    """The paths that went on to KServe, and the messages that were sent."""
    forwarded, sent = [], []

    async def inner(scope, receive, send):
        forwarded.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    middleware = PredictMiddleware(inner, None, ROUTES, lambda: is_ready, 10)
    asyncio.run(middleware(scope, None, send))
    return forwarded, sent


@pytest.mark.parametrize(("is_ready", "status"), [(True, 200), (False, 503)])
def test_readiness_says_whether_requests_are_taken(is_ready, status):
    forwarded, sent = get("/v2/health/ready", is_ready)
    assert forwarded == []
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"]) == {"ready": is_ready}


def test_other_requests_are_forwarded():
    assert get("/metrics", True) == (["/metrics"], [])
    assert get("/v2/models/m/versions/7/ready", True) == (["/v2/models/m/ready"], [])


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/v1/models/m:predict", Action.V1),
        ("POST", "/v2/models/m/infer", Action.V2),
        ("GET", "/v2/models/m", Action.FORWARD),
        ("GET", "/", Action.FORWARD),
        ("POST", "/metrics", 405),
        ("GET", "/v1/models/m:predict", 405),
        ("POST", "/v2/repository/models/m/unload", 403),
        ("GET", "/v2/repository/index", 403),
        ("POST", "/v1/models/x:predict", 404),
        ("POST", "/v1/models/m:explain", 404),
        ("POST", "/v2/models/m/versions/8/infer", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "", 404),
    ],
)
def test_routes(method, path, action):
    if isinstance(action, Action):
        assert ROUTES.match(method, path) is action
        return
    with pytest.raises(InvalidInput) as caught:
        ROUTES.match(method, path)
    assert caught.value.status == action


def read(parts, declared=None, most=10):
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in parts[:-1]]
    messages += [{"type": "http.request", "body": p} for p in parts[-1:]]
    messages.append({"type": "http.disconnect"})

    async def receive():
        return messages.pop(0)

    return asyncio.run(read_body(receive, declared, most))


def test_bodies_come_in_parts():
    assert read([b"12345", b"", b"67890"]) == b"1234567890"
    assert read([b"1"], b"1") == b"1"


@pytest.mark.parametrize(("parts", "declared"), [([b"123456", b"78901"], None), ([b""], b"11")])
def test_bodies_are_bounded(parts, declared):
    with pytest.raises(InvalidInput, match="at most 10 bytes"):
        read(parts, declared)


def test_a_body_that_ends_early():
    with pytest.raises(ClientDisconnect):
        read([])
