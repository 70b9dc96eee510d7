"""The proxy: passes requests on to the versions that serve, and answers for itself under /-/."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from components.ops.targets.local.gateway.counts import Counts
from components.ops.targets.local.gateway.routes import Backend, Routes
from components.ops.targets.local.gateway.table import Table
from components.ops.targets.local.ports import HOST

OWN = "/-/"
LARGEST_BODY = 32 << 20
REQUEST_ID, VERSION = "X-Request-ID", "X-Ratoon-Version"
_LONGEST_ID = 128
_HOP_BY_HOP = (
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Host",
)  # fmt: skip
# The client library adds these on its own; a server is to see what the client sent.
_NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass(frozen=True)
class Answer:
    """What a version answered, or why it did not.

    Attributes:
        version: The version; empty where nothing serves.
        status: The status for the client.
        body: The body.
        headers: The headers.
        answered: Whether the version itself answered.
        in_time: Whether it did so, or failed to, within the time allowed.
    """

    version: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    answered: bool = True
    in_time: bool = True

    @property
    def failed(self) -> bool:
        """Whether the version let the client down."""
        return not self.answered or self.status >= 500


@dataclass(frozen=True)
class Asked:
    """A client's request, read whole so that it can be asked twice."""

    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes
    request_id: str

    @property
    def is_prediction(self) -> bool:
        """Whether a model is to predict; all else is not counted and never meets a candidate."""
        path = self.path.partition("?")[0]
        return self.method == "POST" and path.endswith(("/infer", ":predict"))


class Proxy:
    """Answers every request to the gateway.

    Args:
        table: The routes.
        session: Asks the versions.
    """

    def __init__(self, table: Table, session: aiohttp.ClientSession) -> None:
        self._table, self._session, self.counts = table, session, Counts()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        if request.path.startswith(OWN):
            return self._own(request.path)
        body = await _read_body(request)
        if body is None:
            limit = {"error": f"a request body holds at most {LARGEST_BODY} bytes"}
            return web.json_response(limit, status=413, headers={"Connection": "close"})
        asked = _asked(request, body)
        answer = await self._answer(asked)
        response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        response.headers[REQUEST_ID] = asked.request_id
        response.headers[VERSION] = answer.version
        return response

    async def _answer(self, asked: Asked) -> Answer:
        """Asks a version, and where it fails before it answered, the champion once more."""
        routes = self._table.current()
        chosen = routes.choose(asked.request_id) if asked.is_prediction else routes.champion
        if chosen is None:
            return _nothing_serves()
        answer = await self._ask(chosen, asked)
        again = self._table.current().champion
        # Asking for a prediction twice does no harm; a client that waited long is not made to
        # wait as long again.
        lost = not answer.answered or (answer.status >= 500 and chosen != again)
        return await self._ask(again, asked) if lost and answer.in_time and again else answer

    async def _ask(self, backend: Backend, asked: Asked) -> Answer:
        started = time.perf_counter()
        with self.counts.in_flight(backend.version):
            answer = await self._send(backend, asked)
        if asked.is_prediction:
            status = answer.status if answer.answered else None
            self.counts.add(backend.version, status, time.perf_counter() - started)
        return answer

    async def _send(self, backend: Backend, asked: Asked) -> Answer:
        url = URL(f"http://{HOST}:{backend.port}{asked.path}", encoded=True)
        try:
            async with self._session.request(
                asked.method,
                url,
                data=asked.body or None,
                headers=asked.headers,
                skip_auto_headers=_NOT_ADDED,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TimeoutError:
            return _no_answer(backend, 504, "did not answer in time", in_time=False)
        except aiohttp.ClientError as error:
            return _no_answer(backend, 502, f"did not answer: {type(error).__name__}")
        return Answer(backend.version, response.status, body, _passed_on(response.headers))

    def _own(self, path: str) -> web.Response:
        if path == f"{OWN}traffic":
            self._table.current()
            return web.Response(
                text=self.counts.read().model_dump_json(), content_type="application/json"
            )
        if path == f"{OWN}metrics":
            return web.Response(text=self.counts.metrics(), content_type="text/plain")
        if path == f"{OWN}ready":
            routes = self._table.current()
            return web.json_response(_state(routes), status=200 if routes.champion else 503)
        known = [f"{OWN}{name}" for name in ("ready", "traffic", "metrics")]
        return web.json_response({"error": f"the gateway knows {', '.join(known)}"}, status=404)


async def _read_body(request: web.BaseRequest) -> bytes | None:
    """The body; None where it is too large."""
    if (request.content_length or 0) > LARGEST_BODY:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not request.body_exists:
        return b""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _asked(request: web.BaseRequest, body: bytes) -> Asked:
    headers = _passed_on(request.headers)
    given = headers.get(REQUEST_ID, "")
    usable = given.isascii() and given.isprintable() and 0 < len(given) <= _LONGEST_ID
    request_id = given if usable else uuid.uuid4().hex
    headers[REQUEST_ID] = request_id
    return Asked(request.method, request.path_qs, headers, body, request_id)


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        passed.popall(name, None)
    return passed


def _no_answer(backend: Backend, status: int, what: str, *, in_time: bool = True) -> Answer:
    text = f"version {backend.version} {what}"
    return Answer(backend.version, status, *_error(text), answered=False, in_time=in_time)


def _nothing_serves() -> Answer:
    return Answer("", 503, *_error("no model serves here yet, or its server ended"), answered=False)


def _error(text: str) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"error": text}).encode(), {"Content-Type": "application/json"}


def _state(routes: Routes) -> dict[str, Any]:
    return {
        "ready": routes.champion is not None,
        "champion": routes.champion.version if routes.champion else None,
        "candidate": routes.candidate.version if routes.candidate else None,
        "share": routes.share,
    }


async def serve(folder_table: Table, port: int, stop: asyncio.Event, timeout_s: float) -> None:
    """Serves until told to stop, then finishes what is under way.

    Args:
        folder_table: The routes.
        port: The port to listen on.
        stop: Set when it is to end.
        timeout_s: How long a version may take to answer.
    """
    # Servers close idle connections after 5 s; ours close first, so that none breaks in use.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        server = web.Server(Proxy(folder_table, session).handle, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=timeout_s)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        await stop.wait()
        await runner.cleanup()
