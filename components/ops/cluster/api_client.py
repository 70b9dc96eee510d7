"""Requests to the API server, with retries until a deadline.

Source: Kubernetes API conventions (HTTP status codes; Status.reason; retryAfterSeconds).
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

from components.core.errors import ApiUnavailable
from components.ops.cluster.errors import ApiCall, Status, api_error

MAX_MESSAGE_CHARS = 500
RETRYABLE_REASONS = frozenset({"ServerTimeout", "Timeout", "TooManyRequests", "ServiceUnavailable"})
# The API server answers an apply with a field that the schema lacks with a 500 and no reason.
NOT_OF_SCHEMA = "failed to create typed patch object"
# An admission webhook that is being restarted answers again in seconds.
WEBHOOK_AWAY = "failed calling webhook"


@dataclass(frozen=True)
class RetryPolicy:
    """How long one call may take.

    Attributes:
        deadline_s: The whole call with its retries.
        request_timeout_s: One request, from its first byte to the last of its response.
        initial_backoff_s: Wait after the first failure; doubled after each.
        watch_timeout_s: A watch is renewed so often, which finds dead connections.
    """

    deadline_s: float = 120.0
    request_timeout_s: float = 20.0
    connect_timeout_s: float = 5.0
    initial_backoff_s: float = 0.25
    max_backoff_s: float = 8.0
    watch_timeout_s: float = 30.0

    def backoff_s(self, failures: int, retry_after_s: float | None) -> float:
        """Seconds to wait after so many failures, 1 or more, and what the server asked for."""
        backoff_s = min(self.max_backoff_s, self.initial_backoff_s * 2.0 ** min(failures - 1, 30))
        jitter = random.random()  # noqa: S311 - spreads clients, guards nothing
        if retry_after_s is not None:
            return retry_after_s + backoff_s * jitter / 2
        return backoff_s * (1 + jitter) / 2


@dataclass(frozen=True)
class ApiRequest:
    """An HTTP request, without credentials.

    Attributes:
        versioned: Whether it names the version that it replaces: then a conflict is final.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    versioned: bool = False


@dataclass(frozen=True)
class ApiResponse:
    """A final response.

    Attributes:
        body: The JSON; ``{"message": its first words}`` if it is not a JSON object.
        outcome_unknown: Whether an earlier try broke off and may have been carried out.
    """

    code: int
    body: dict[str, Any]
    outcome_unknown: bool = False


class Transport(Protocol):
    """A connection with credentials."""

    def send(self, request: ApiRequest, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """Sends a request; the body is not read yet."""

    def renew(self) -> None:
        """Reads the credentials again."""


class TransientError(Exception):
    """A request failed in a way that a retry may mend."""

    def __init__(
        self, message: str, retry_after_s: float | None = None, outcome_unknown: bool = False
    ) -> None:
        self.retry_after_s, self.outcome_unknown = retry_after_s, outcome_unknown
        super().__init__(message)


@dataclass
class ApiClient:
    """Sends requests, retries transient errors, and tells `observe` of each call once."""

    transport: Transport
    retry_policy: RetryPolicy
    observe: Callable[[ApiCall], None]

    def request(
        self, call: ApiCall | None, request: ApiRequest, timeout_s: float | None = None
    ) -> ApiResponse:
        """The final response; every 4xx but 429 is one.

        Raises:
            ApiUnavailable: There was none before the deadline.
        """
        if call:
            self.observe(call)
        began = time.monotonic()
        ends = began + (self.retry_policy.deadline_s if timeout_s is None else timeout_s)
        failures, outcome_unknown = 0, False
        while True:
            try:
                response = self._send(request, ends)
                return ApiResponse(response.code, response.body, outcome_unknown)
            except TransientError as error:
                failures, outcome_unknown = failures + 1, outcome_unknown or error.outcome_unknown
                backoff_s = self.retry_policy.backoff_s(failures, error.retry_after_s)
                if time.monotonic() + backoff_s >= ends:
                    waited_s = time.monotonic() - began
                    raise ApiUnavailable(
                        f"{request.method} {request.path}: no answer from the API server, tried"
                        f" {failures} time{'s' * (failures > 1)} in {waited_s:.1f} s; the last"
                        f" time: {error}"
                    ) from error
            time.sleep(backoff_s)

    def stream(
        self, call: ApiCall, request: ApiRequest, read_timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        """The JSON lines of a stream, until the server ends it; the timeout is of a silence.

        Raises:
            TransientError: It broke off, fell silent, or did not begin.
            ApiRejected: It was rejected; a 410 is yielded, as one line with the Status.
        """
        response = self._open(request, read_timeout_s)
        try:
            if response.status != 200:
                yield _error_line(response.status, _body(response, read_timeout_s), call)
                return
            yield from _json_lines(response)
        except (HTTPError, ValueError) as error:
            raise TransientError(_described(error)) from error
        finally:
            response.close()

    def _open(self, request: ApiRequest, read_timeout_s: float) -> urllib3.BaseHTTPResponse:
        """A response whose body is not read yet; a rejected token is read again once."""
        timeout = urllib3.Timeout(connect=self.retry_policy.connect_timeout_s, read=read_timeout_s)
        try:
            response = self.transport.send(request, timeout)
            if response.status != 401:
                return response
            response.close()
            self.transport.renew()
            return self.transport.send(request, timeout)
        except SSLError as error:
            raise ApiUnavailable(f"The API server is not trusted: {_described(error)}") from error
        except HTTPError as error:
            sent = not isinstance(error, NewConnectionError)
            raise TransientError(_described(error), outcome_unknown=sent) from error

    def _send(self, request: ApiRequest, ends: float) -> ApiResponse:
        left_s = max(ends - time.monotonic(), 0.001)
        timeout_s = min(self.retry_policy.request_timeout_s, left_s)
        response = self._open(request, timeout_s)
        try:
            body = _body(response, timeout_s)
        except HTTPError as error:
            raise TransientError(_described(error), outcome_unknown=True) from error
        finally:
            response.close()
        code = response.status
        retry_after_s = parse_retry_after(response.headers.get("Retry-After"), body)
        conflicted = not request.versioned and is_write_conflict(code, body)
        if conflicted or is_retryable(code, body, retry_after_s):
            message = f"{code} {body.get('message', '')}".strip()
            raise TransientError(message, retry_after_s, outcome_unknown=code in (500, 502, 504))
        if not is_rejection(code, body):
            raise ApiUnavailable(
                f"{request.method} {request.path}: the API server failed ({code}) and"
                f" does not ask to be tried again: {body.get('message')}"
            )
        return ApiResponse(code, body)


def is_rejection(code: int, status: Status) -> bool:
    """Whether the server understood and rejected, which it also says with a 500."""
    return code < 500 or NOT_OF_SCHEMA in str(status.get("message"))


def is_write_conflict(code: int, status: Status) -> bool:
    """Whether two writes met in the server; no name is taken and no field owned by another."""
    causes = (status.get("details") or {}).get("causes")
    return code == 409 and status.get("reason") == "Conflict" and not causes


def is_retryable(code: int, status: Status, retry_after_s: float | None) -> bool:
    """Whether the same request may succeed later; a proxy answers with a message alone."""
    if code in (429, 502, 503):
        return True
    if code not in (500, 504):
        return False
    answered_by_proxy = "reason" not in status and code == 504
    return (
        answered_by_proxy
        or retry_after_s is not None
        or status.get("reason") in RETRYABLE_REASONS
        or WEBHOOK_AWAY in str(status.get("message"))
    )


def parse_retry_after(header: str | None, status: Status) -> float | None:
    """Seconds that the server asks to wait: its header, else its Status; None if it does not."""
    given = header or (status.get("details") or {}).get("retryAfterSeconds")
    text = str(given or "").strip()
    return float(text) if text.isdigit() else None


def _body(response: urllib3.BaseHTTPResponse, timeout_s: float) -> dict[str, Any]:
    """The body as JSON; fails if it is not complete in time, however steadily it drips in."""
    ends, read = time.monotonic() + timeout_s, bytearray()
    while part := response.read1(1 << 16):
        read += part
        if time.monotonic() > ends:
            message = f"the answer was not complete after {timeout_s:.1f} s"
            raise TransientError(message, outcome_unknown=True)
    try:
        found = json.loads(read)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"message": read.decode("utf-8", "replace").strip()[:MAX_MESSAGE_CHARS]}


def _json_lines(response: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    rest = b""
    while part := response.read1(1 << 16):
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            if line.strip():
                yield json.loads(line)


def _error_line(code: int, body: dict[str, Any], call: ApiCall) -> dict[str, Any]:
    if code == 410:
        return {"type": "ERROR", "object": {**body, "code": 410}}
    retry_after_s = parse_retry_after(None, body)
    if code >= 500 or is_retryable(code, body, retry_after_s):
        raise TransientError(f"{code} {body.get('message', '')}", retry_after_s)
    raise api_error(code, body, call)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
