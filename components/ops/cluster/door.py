"""One request to the API server, asked again for as long as its failure may pass."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from components.core.errors import ApiUnavailable
from components.ops.cluster.refusals import refusal
from components.ops.cluster.retry import Patience, asked_pause_s, is_collision, is_refusal, may_pass
from components.ops.cluster.rights import Call

MOST_WORDS = 500


@dataclass(frozen=True)
class Request:
    """An HTTP request, without what identifies us.

    Attributes:
        method: Of HTTP.
        path: On the API server.
        query: Parameters of the URL.
        body: An object, sent as JSON.
        content_type: Of the body.
        versioned: It names the version that it replaces: where the object changed meanwhile, the
            answer is final.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    versioned: bool = False


@dataclass(frozen=True)
class Answer:
    """An answer that is not worth asking again for.

    Attributes:
        code: HTTP status.
        body: The JSON; for a body that is none, ``{"message": its first words}``.
        unsure: A request before it broke off, and may have been carried out.
    """

    code: int
    body: dict[str, Any]
    unsure: bool = False


class Line(Protocol):
    """A connection that knows who we are."""

    def send(self, request: Request, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """Sends a request; the body is not read yet."""

    def renew(self) -> None:
        """Reads our credentials again."""


class Broken(Exception):
    """A request failed in a way that may pass."""

    def __init__(self, said: str, asked_s: float | None = None, unsure: bool = False) -> None:
        self.asked_s, self.unsure = asked_s, unsure
        super().__init__(said)


@dataclass
class Door:
    """Sends requests, again and again until a deadline.

    Attributes:
        line: Where to.
        patience: How long.
        observe: Told of every call, once however often it is sent.
    """

    line: Line
    patience: Patience
    observe: Callable[[Call], None]

    def ask(self, call: Call | None, request: Request, within_s: float | None = None) -> Answer:
        """The answer; every 4xx but 429 is one.

        Raises:
            ApiUnavailable: None came until the deadline.
        """
        if call:
            self.observe(call)
        began = time.monotonic()
        ends = began + (self.patience.deadline_s if within_s is None else within_s)
        failures, unsure = 0, False
        while True:
            try:
                answer = self._renewed(request, ends)
                return Answer(answer.code, answer.body, unsure)
            except Broken as broken:
                failures, unsure = failures + 1, unsure or broken.unsure
                pause_s = self.pause_s(failures, broken)
                if time.monotonic() + pause_s >= ends:
                    waited_s = time.monotonic() - began
                    raise _unavailable(request, failures, waited_s, broken) from broken
            time.sleep(pause_s)

    def pause_s(self, failures: int, broken: Broken) -> float:
        """Seconds until the next try."""
        chance = random.random()  # noqa: S311 - spreads clients, guards nothing
        return self.patience.pause_s(failures, broken.asked_s, chance)

    def lines(self, call: Call, request: Request, silent_s: float) -> Iterator[dict[str, Any]]:
        """The JSON lines of a stream, until the server ends it.

        Args:
            call: What is asked, for a refusal.
            request: The request.
            silent_s: Longest silence, seconds.

        Raises:
            Broken: It broke off, fell silent, or did not begin; try again.
            ApiRejected: It was refused; a 410 is left to the reader: one line with the Status.
        """
        response = self._opened(request, silent_s)
        if response.status == 401:
            response.close()
            self.line.renew()
            response = self._opened(request, silent_s)
        try:
            if response.status != 200:
                yield _error_line(response.status, _body(response, silent_s), call)
                return
            yield from _json_lines(response)
        except (HTTPError, ValueError) as error:
            raise Broken(_words(error)) from error
        finally:
            response.close()

    def _opened(self, request: Request, silent_s: float) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=self.patience.connect_s, read=silent_s)
        try:
            return self.line.send(request, timeout)
        except SSLError as error:
            raise ApiUnavailable(f"The API server is not trusted: {_words(error)}") from error
        except HTTPError as error:
            may_be_done = not isinstance(error, NewConnectionError)
            raise Broken(_words(error), unsure=may_be_done) from error

    def _renewed(self, request: Request, ends: float) -> Answer:
        answer = self._once(request, ends)
        if answer.code != 401:
            return answer
        self.line.renew()
        return self._once(request, ends)

    def _once(self, request: Request, ends: float) -> Answer:
        left_s = max(ends - time.monotonic(), 0.001)
        request_s = min(self.patience.request_s, left_s)
        response = self._opened(request, request_s)
        try:
            body = _body(response, request_s)
        except HTTPError as error:
            raise Broken(_words(error), unsure=True) from error
        finally:
            response.close()
        asked_s = asked_pause_s(response.headers.get("Retry-After"), body)
        collided = not request.versioned and is_collision(response.status, body)
        if collided or may_pass(response.status, body, asked_s):
            said = f"{response.status} {body.get('message', '')}".strip()
            raise Broken(said, asked_s, unsure=response.status in (500, 502, 504))
        if not is_refusal(response.status, body):
            raise ApiUnavailable(
                f"{request.method} {request.path}: the API server failed ({response.status}) and"
                f" does not ask to be tried again: {body.get('message')}"
            )
        return Answer(response.status, body)


def _body(response: urllib3.BaseHTTPResponse, within_s: float) -> dict[str, Any]:
    """The body as JSON, given up when it drips in for longer than it may."""
    ends, read = time.monotonic() + within_s, bytearray()
    while part := response.read1(1 << 16):
        read += part
        if time.monotonic() > ends:
            raise Broken(f"the answer was not complete after {within_s:.1f} s", unsure=True)
    try:
        found = json.loads(read)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"message": read.decode("utf-8", "replace").strip()[:MOST_WORDS]}


def _json_lines(response: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    rest = b""
    while part := response.read1(1 << 16):
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            if line.strip():
                yield json.loads(line)


def _error_line(code: int, body: dict[str, Any], call: Call) -> dict[str, Any]:
    if code == 410:
        return {"type": "ERROR", "object": {**body, "code": 410}}
    asked_s = asked_pause_s(None, body)
    if code >= 500 or may_pass(code, body, asked_s):
        raise Broken(f"{code} {body.get('message', '')}", asked_s)
    raise refusal(code, body, call)


def _unavailable(request: Request, tries: int, after_s: float, last: Broken) -> ApiUnavailable:
    return ApiUnavailable(
        f"{request.method} {request.path}: no answer from the API server, tried"
        f" {tries} time{'s' * (tries > 1)} in {after_s:.1f} s; the last time: {last}"
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
