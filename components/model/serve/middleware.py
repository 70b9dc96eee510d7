"""The outermost ASGI application: which requests are answered here, and which by KServe.

1. `ModelRoutes.match` decides by path and method. What a server of one model does not offer is
   rejected before KServe sees it, the model repository's load and unload included.
2. Readiness is answered here. Liveness, metadata and ``/metrics`` are KServe's.
3. The body of a predict request is read up to a limit. Plain JSON is parsed, predicted, answered
   and counted here, several times as fast as KServe would.
4. Binary tensors, CloudEvents and requested outputs go on to KServe, which calls the same
   predictor; the request is counted here all the same.
"""

import logging
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from components.core.artifacts import TRIAL_REQUEST
from components.core.errors import InputError
from components.model.saved_model import InferenceError
from components.model.serve import protocols
from components.model.serve.parsers import InvalidInput, abbreviate
from components.model.serve.runtime import Predictor, PredictRequest

Headers = Mapping[bytes, bytes]

_LOGGER = logging.getLogger("ratoon.serve")
_JSON = (b"", b"application/json")
_ONLY_KSERVE = (
    b"application/octet-stream",
    b"application/cloudevents+json",
    b"application/ld+json",
)
_REQUEST_ID = b"x-request-id"
_VALIDATION = TRIAL_REQUEST.encode()
_BINARY = b"inference-header-content-length"
_ENCODER: Any = msgspec.json.Encoder()


class Action(StrEnum):
    """What is done with a request."""

    V1 = "v1"
    V2 = "v2"
    READY = "ready"
    FORWARD = "forward"  # to KServe


class ModelRoutes:
    """The paths of one model, each with what is done with it.

    `aliases` are paths with the model's version: to the same without, which is what KServe knows.
    """

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        model, versioned = f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"
        forwarded = ["/", "/metrics", "/v1/models", f"/v1/models/{name}", "/v2", "/v2/models"]
        forwarded += ["/v2/health/live", model, f"{model}/ready"]
        self.actions: Mapping[str, Action] = dict.fromkeys(forwarded, Action.FORWARD) | {
            "/v2/health/ready": Action.READY,
            f"/v1/models/{name}:predict": Action.V1,
            f"{model}/infer": Action.V2,
        }
        tails = ("", "/ready", "/infer")
        self.aliases: Mapping[str, str] = {versioned + tail: model + tail for tail in tails}

    def match(self, method: str, path: str) -> Action:
        """What to do with a request to a path without aliases.

        Raises:
            InvalidInput: Nothing is there, or not by that method.
        """
        action = self.actions.get(path)
        if action is None:
            raise self._not_found(path)
        accepted = "POST" if action in (Action.V1, Action.V2) else "GET"
        if method != accepted:
            where = f"{abbreviate(path)}: method"
            raise InvalidInput(where, abbreviate(method), accepted, status=405)
        return action

    def _not_found(self, path: str) -> InvalidInput:
        if path.startswith("/v2/repository"):
            do = "Deploy another version instead: a server has one model from its start to its end."
            return InvalidInput("the model repository", abbreviate(path), "no change", do, 403)
        parts = path.split("/")
        if path.startswith(("/v1/models/", "/v2/models/")):
            name = parts[3].rpartition(":")[0] or parts[3]
            if name != self.name:
                return InvalidInput("the path: model", abbreviate(name), self.name, status=404)
            if len(parts) > 5 and parts[4] == "versions" and parts[5] != self.version:
                version = abbreviate(parts[5])
                return InvalidInput("the path: version", version, self.version, status=404)
        return InvalidInput("the path", abbreviate(path), ", ".join(self.actions), status=404)


class PredictMiddleware:
    """An ASGI application around `inner`, which is KServe's."""

    def __init__(
        self,
        inner: ASGIApp,
        predictor: Predictor,
        routes: ModelRoutes,
        is_ready: Callable[[], bool],
        max_body_bytes: int,
    ) -> None:
        self._inner, self._predictor, self._routes = inner, predictor, routes
        self._is_ready, self._max_body_bytes = is_ready, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or lets KServe answer it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        path = scope["path"]
        if path in self._routes.aliases:
            path = self._routes.aliases[path]
            scope = scope | {"path": path, "raw_path": path.encode()}
        try:
            action = self._routes.match(scope["method"], path)
        except InvalidInput as error:
            allow = [(b"allow", error.accepted.encode())] if error.status == 405 else []
            await _send_json(send, error.status, {"error": str(error)}, *allow)
            return
        if action is Action.FORWARD:
            await self._inner(scope, receive, send)
        elif action is Action.READY:
            ready = self._is_ready()
            await _send_json(send, 200 if ready else 503, {"ready": ready})
        else:
            await self._predict(action, scope, receive, send)

    async def _predict(self, action: Action, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        started_s = time.perf_counter()  # of a body that is rejected before it is whole
        try:
            body = await read_body(receive, headers.get(b"content-length"), self._max_body_bytes)
            started_s = time.perf_counter()
            status, answer = 200, await self._answer(action, body, headers, started_s)
        except ClientDisconnect:
            return
        except InputError as error:
            status, answer = getattr(error, "status", 400), {"error": str(error)}
        except InferenceError as error:
            _LOGGER.error("%s (%s)", error, type(error.__cause__).__name__)
            status, answer = 500, {"error": str(error)}
        if not headers.get(_REQUEST_ID, b"").startswith(_VALIDATION):
            send = self._counting(action, started_s, send)
        if answer is None:
            await self._inner(scope, _replay(body, receive), send)
        else:
            await _send_json(send, status, answer)

    async def _answer(
        self, action: Action, body: bytes, headers: Headers, started_s: float
    ) -> Mapping[str, Any] | None:
        """The answer to a plain JSON request; None if KServe must answer."""
        if not _is_plain_json(headers):
            return None
        predictor, metrics = self._predictor, self._predictor.metrics
        version = predictor.card.version
        header_id = headers.get(_REQUEST_ID, b"").decode("latin-1") or None
        request: PredictRequest | None
        if action is Action.V1:
            request = protocols.parse_v1(body, header_id, predictor.schema, started_s)
        else:
            request = protocols.parse_v2(body, header_id, started_s)
        if request is None:
            return None
        parsed_s = time.perf_counter()
        answers = await predictor.predict(request)
        predicted_s = time.perf_counter()
        if action is Action.V1:
            response = protocols.v1_response(answers, request.id, version)
        else:
            response = protocols.v2_response(answers, request.id, self._routes.name, version)
        metrics.preprocess_s.observe(parsed_s - started_s)
        metrics.predict_s.observe(predicted_s - parsed_s)
        metrics.postprocess_s.observe(time.perf_counter() - predicted_s)
        return response

    def _counting(self, action: Action, started_s: float, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics = self._predictor.metrics
                metrics.observe_request(action.value, message["status"], started_s)
            await send(message)

        return counting


async def read_body(receive: Receive, declared: bytes | None, max_bytes: int) -> bytes:
    """Reads a whole body, whose header ``content-length`` is `declared`.

    Raises:
        InvalidInput: It is longer than `max_bytes`.
        ClientDisconnect: It never became whole.
    """
    accepted, do = f"at most {max_bytes} bytes", "Send several requests."
    if declared is not None and declared.isdigit() and int(declared) > max_bytes:
        raise InvalidInput("the body", f"{int(declared)} bytes", accepted, do, 413)
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > max_bytes:
            raise InvalidInput("the body", f"over {max_bytes} bytes", accepted, do, 413)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The messages of a request whose body was read already."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _is_plain_json(headers: Headers) -> bool:
    """Whether a request is JSON and nothing else; refuses a type that KServe does not read."""
    given = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if given not in _JSON and given not in _ONLY_KSERVE:
        text = abbreviate(given.decode("latin-1"))
        raise InvalidInput("the header content-type", text, "application/json", status=415)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise InvalidInput("the header content-encoding", "a compressed body", "none", status=415)
    is_special = _BINARY in headers or any(name.startswith(b"ce-") for name in headers)
    return given in _JSON and not is_special


async def _send_json(
    send: Send, status: int, answer: Mapping[str, Any], *more: tuple[bytes, bytes]
) -> None:
    body = _ENCODER.encode(answer)
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", b"application/json"), length, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
