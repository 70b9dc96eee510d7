"""The outermost application: plain predictions are answered here, all else goes on to KServe."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from components.core.artifacts import TRIAL_REQUEST
from components.core.errors import InputError
from components.model.serve.bodies import Disconnected, Receive, Send, read_body, replay
from components.model.serve.predictor import Predictor, Request
from components.model.serve.refusal import NetworkFailed, Refusal, shown
from components.model.serve.routes import Action, Routes, method_of
from components.model.serve.v1 import answer_v1, read_v1
from components.model.serve.v2 import answer_v2, read_v2, request_of

Scope = dict[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOGGER = logging.getLogger("ratoon.serve")
_JSON = (b"", b"application/json")
_KSERVES = (b"application/octet-stream", b"application/cloudevents+json", b"application/ld+json")
_REQUEST_ID = b"x-request-id"
_TRIAL = TRIAL_REQUEST.encode()
_BINARY = b"inference-header-content-length"
_ENCODER: Any = msgspec.json.Encoder()


class Gateway:
    """An ASGI application around KServe's.

    Args:
        inner: KServe's, with its routes and middleware.
        predictor: Answers predictions.
        routes: What this server has.
        is_ready: Whether the server takes requests.
        most_bytes: The longest body.
    """

    def __init__(
        self,
        inner: Application,
        predictor: Predictor,
        routes: Routes,
        is_ready: Callable[[], bool],
        most_bytes: int,
    ) -> None:
        self._inner, self._predictor, self._routes = inner, predictor, routes
        self._is_ready, self._most_bytes = is_ready, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection's request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        path = scope["path"]
        if path in self._routes.aliases:
            path = self._routes.aliases[path]
            scope = scope | {"path": path, "raw_path": path.encode()}
        try:
            action = self._routes.action(scope["method"], path)
        except Refusal as refusal:
            await _send(send, refusal.status, {"error": str(refusal)}, _allow(refusal, path, self))
            return
        if action is Action.PASS:
            await self._inner(scope, receive, send)
        elif action is Action.READY:
            ready = self._is_ready()
            await _send(send, 200 if ready else 503, {"ready": ready})
        else:
            await self._predict(action, scope, receive, send)

    async def _predict(self, action: Action, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        started_s = time.perf_counter()  # stands for a body that is refused before it is whole
        try:
            body = await read_body(receive, headers.get(b"content-length"), self._most_bytes)
            started_s = time.perf_counter()
            status, answer = 200, await self._answer(action, body, headers, started_s)
        except Disconnected:
            return
        except InputError as refusal:
            status, answer = getattr(refusal, "status", 400), {"error": str(refusal)}
        except NetworkFailed as failure:
            _LOGGER.error("%s (%s)", failure, type(failure.__cause__).__name__)
            status, answer = 500, {"error": str(failure)}
        is_trial = headers.get(_REQUEST_ID, b"").startswith(_TRIAL)
        if answer is None:
            counting = send if is_trial else self._counted(action, started_s, send)
            await self._inner(scope, replay(body, receive), counting)
            return
        if not is_trial:
            self._predictor.metrics.answered(action.value, status, started_s)
        await _send(send, status, answer)

    async def _answer(
        self, action: Action, body: bytes, headers: Mapping[bytes, bytes], started_s: float
    ) -> Mapping[str, Any] | None:
        """The answer to a plain request; None: KServe's own path must answer."""
        if not _is_plain(headers):
            return None
        predictor, metrics = self._predictor, self._predictor.metrics
        request = self._read(action, body, headers, started_s)
        if request is None:
            return None
        read_s = time.perf_counter()
        answer = await predictor.predict(request)
        predicted_s = time.perf_counter()
        version = predictor.card.version
        if action is Action.V1:
            answered: Mapping[str, Any] = answer_v1(answer, request.id, version)
        else:
            answered = answer_v2(answer, request.id, self._routes.name, version)
        metrics.preprocess_s.observe(read_s - started_s)
        metrics.predict_s.observe(predicted_s - read_s)
        metrics.postprocess_s.observe(time.perf_counter() - predicted_s)
        return answered

    def _read(
        self, action: Action, body: bytes, headers: Mapping[bytes, bytes], started_s: float
    ) -> Request | None:
        given_id = headers.get(_REQUEST_ID, b"").decode("latin-1") or None
        if action is Action.V1:
            return read_v1(body, given_id, self._predictor.contract, started_s)
        read = read_v2(body)
        if not read.is_plain:
            return None
        return request_of(read.inputs, read.id or given_id, started_s)

    def _counted(self, action: Action, started_s: float, send: Send) -> Send:
        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._predictor.metrics.answered(action.value, message["status"], started_s)
            await send(message)

        return counting


def _is_plain(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request is JSON and nothing else.

    Raises:
        Refusal: It is of a type that nobody here reads.
    """
    given = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if given not in _JSON and given not in _KSERVES:
        text = shown(given.decode("latin-1"))
        raise Refusal("the header content-type", text, "application/json", status=415)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Refusal("the header content-encoding", "a compressed body", "none", status=415)
    special = _BINARY in headers or any(name.startswith(b"ce-") for name in headers)
    return given in _JSON and not special


def _allow(refusal: Refusal, path: str, gateway: Gateway) -> list[tuple[bytes, bytes]]:
    if refusal.status != 405:
        return []
    return [(b"allow", method_of(gateway._routes.actions[path]).encode())]


async def _send(
    send: Send,
    status: int,
    answer: Mapping[str, Any],
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    body = _ENCODER.encode(answer)
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    start = {"status": status, "headers": [kind, length, *(headers or [])]}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": body})
