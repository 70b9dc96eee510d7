"""The proxy: forwards requests to the versions that serve; its own endpoints are under /-/.

Which version answers is read from the record, and again as soon as that changes.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from components.core.errors import InputError
from components.ops.targets.local.gateway.metrics import GatewayMetrics
from components.ops.targets.local.processes import HOST
from components.ops.targets.local.record import LocalRecord, LocalVersion, RecordFile

_log = logging.getLogger(__name__)
OWN = "/-/"
MAX_BODY_BYTES = 32 << 20
REQUEST_ID, VERSION = "X-Request-ID", "X-Ratoon-Version"
_MAX_ID_LENGTH = 128
_HOP_BY_HOP = (
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Host",
)  # fmt: skip
# aiohttp would add these; the server should see only what the client sent.
_NO_AUTO_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")

_FileState = tuple[int, int, int]


@dataclass(frozen=True)
class Backend:
    """A version's server."""

    version: str
    port: int


@dataclass(frozen=True)
class TrafficRoutes:
    """Where requests go."""

    champion: Backend | None = None
    candidate: Backend | None = None
    share: float = 0.0

    def choose(self, request_id: str) -> Backend | None:
        """Chooses the version for a prediction, the same for the same id and routes.

        A request that the candidate answers at one share is answered by it at any larger one.
        """
        if self.candidate and hash_fraction(request_id, self.candidate.version) < self.share:
            return self.candidate
        return self.champion


def routes_of(record: LocalRecord | None) -> TrafficRoutes:
    """Returns the routes of a record."""
    if record is None:
        return TrafficRoutes()
    return TrafficRoutes(_backend(record.champion), _backend(record.candidate), record.share)


def hash_fraction(request_id: str, version: str) -> float:
    """Hashes a request to [0, 1); each candidate meets other requests first."""
    text = f"{version}\n{request_id}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)


class RouteTable:
    """The routes of a serving folder."""

    def __init__(self, folder: Path) -> None:
        self._file = RecordFile(folder)
        self._state: _FileState | None = None
        self._routes = TrafficRoutes()

    def current(self) -> TrafficRoutes:
        """Returns the routes as recorded now; one stat call if the record did not change.

        A damaged record leaves the routes as they were: what serves goes on serving.
        """
        state: _FileState | None = None
        with suppress(OSError):
            found = self._file.path.stat()
            state = (found.st_mtime_ns, found.st_ino, found.st_size)
        if state != self._state:
            self._state = state
            try:
                self._routes = routes_of(self._file.read())
                _log.info("routes: %s", self._routes)
            except (InputError, OSError):
                _log.exception("the record cannot be read; the routes stay as they were")
        return self._routes


def _backend(version: LocalVersion | None) -> Backend | None:
    if version is None or version.server is None:
        return None
    return Backend(version.version, version.server.port)


@dataclass(frozen=True)
class BackendResponse:
    """What a version answered, or why it did not.

    Attributes:
        version: The version; empty where nothing serves.
        status: The status for the client.
        answered: Whether the version itself answered.
        in_time: Whether it answered, or failed to, within the timeout.
    """

    version: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    answered: bool = True
    in_time: bool = True


@dataclass(frozen=True)
class ProxiedRequest:
    """A client's request, read completely so that it can be sent twice."""

    method: str
    path: str
    headers: CIMultiDict[str]
    body: bytes
    request_id: str

    @property
    def is_prediction(self) -> bool:
        """Whether it asks for a prediction; nothing else is counted or meets a candidate."""
        path = self.path.partition("?")[0]
        return self.method == "POST" and path.endswith(("/infer", ":predict"))


class Proxy:
    """Answers every request to the gateway."""

    def __init__(self, table: RouteTable, session: aiohttp.ClientSession) -> None:
        self._table, self._session, self.metrics = table, session, GatewayMetrics()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        if request.path.startswith(OWN):
            return self._own(request.path)
        body = await _read_body(request)
        if body is None:
            limit = {"error": f"a request body holds at most {MAX_BODY_BYTES} bytes"}
            return web.json_response(limit, status=413, headers={"Connection": "close"})
        proxied = _parse_request(request, body)
        answer = await self._answer(proxied)
        response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        response.headers[REQUEST_ID] = proxied.request_id
        response.headers[VERSION] = answer.version
        return response

    async def _answer(self, proxied: ProxiedRequest) -> BackendResponse:
        """Asks a version, and retries with the champion if it failed to answer."""
        routes = self._table.current()
        chosen = routes.choose(proxied.request_id) if proxied.is_prediction else routes.champion
        if chosen is None:
            text = "no model serves here yet, or its server ended"
            return BackendResponse("", 503, *_error(text), answered=False)
        answer = await self._forward(chosen, proxied)
        again = self._table.current().champion
        # A prediction is safe to retry; after a timeout the client is not made to wait again.
        lost = not answer.answered or (answer.status >= 500 and chosen != again)
        return await self._forward(again, proxied) if lost and answer.in_time and again else answer

    async def _forward(self, backend: Backend, proxied: ProxiedRequest) -> BackendResponse:
        started = time.perf_counter()
        with self.metrics.in_flight(backend.version):
            answer = await self._send(backend, proxied)
        if proxied.is_prediction:
            status = answer.status if answer.answered else None
            self.metrics.add(backend.version, status, time.perf_counter() - started)
        return answer

    async def _send(self, backend: Backend, proxied: ProxiedRequest) -> BackendResponse:
        url = URL(f"http://{HOST}:{backend.port}{proxied.path}", encoded=True)
        try:
            async with self._session.request(
                proxied.method,
                url,
                data=proxied.body or None,
                headers=proxied.headers,
                skip_auto_headers=_NO_AUTO_HEADERS,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TimeoutError:
            return _no_response(backend, 504, "did not answer in time", in_time=False)
        except aiohttp.ClientError as error:
            return _no_response(backend, 502, f"did not answer: {type(error).__name__}")
        return BackendResponse(
            backend.version, response.status, body, _end_to_end(response.headers)
        )

    def _own(self, path: str) -> web.Response:
        if path == f"{OWN}traffic":
            self._table.current()
            return web.Response(
                text=self.metrics.read().model_dump_json(), content_type="application/json"
            )
        if path == f"{OWN}metrics":
            return web.Response(text=self.metrics.text().decode(), content_type="text/plain")
        if path == f"{OWN}ready":
            routes = self._table.current()
            return web.json_response(_state(routes), status=200 if routes.champion else 503)
        known = [f"{OWN}{name}" for name in ("ready", "traffic", "metrics")]
        return web.json_response({"error": f"the gateway knows {', '.join(known)}"}, status=404)


async def _read_body(request: web.BaseRequest) -> bytes | None:
    """Reads the body; None if it is too large."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not request.body_exists:
        return b""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _parse_request(request: web.BaseRequest, body: bytes) -> ProxiedRequest:
    headers = _end_to_end(request.headers)
    given = headers.get(REQUEST_ID, "")
    usable = given.isascii() and given.isprintable() and 0 < len(given) <= _MAX_ID_LENGTH
    request_id = given if usable else uuid.uuid4().hex
    headers[REQUEST_ID] = request_id
    return ProxiedRequest(request.method, request.path_qs, headers, body, request_id)


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        passed.popall(name, None)
    return passed


def _no_response(
    backend: Backend, status: int, what: str, *, in_time: bool = True
) -> BackendResponse:
    text = f"version {backend.version} {what}"
    return BackendResponse(backend.version, status, *_error(text), answered=False, in_time=in_time)


def _error(text: str) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"error": text}).encode(), {"Content-Type": "application/json"}


def _state(routes: TrafficRoutes) -> dict[str, Any]:
    return {
        "ready": routes.champion is not None,
        "champion": routes.champion.version if routes.champion else None,
        "candidate": routes.candidate.version if routes.candidate else None,
        "share": routes.share,
    }
