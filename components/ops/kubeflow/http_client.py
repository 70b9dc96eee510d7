"""Calls to KFP's REST API: endpoint, token, retries, and errors that say what to do.

By httpx, not by the generated package kfp_server_api: that one reads its token once unless a hook
is set, has no deadline over all its attempts, knows no 429, rejects an answer with a field or a
state that is newer than itself, and gives every error the same class.
"""

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from components.core.errors import ApiRejected, ApiUnavailable, InputError

ENDPOINT, TOKEN_PATH = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"
DEFAULT_ENDPOINT = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
DEFAULT_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
AUDIENCE = "pipelines.kubeflow.org"
MAX_BACKOFF_S = 5.0
_ROOT = "/apis/v2beta1"
_RETRYABLE = frozenset((429, 502, 503, 504))
_RULE = re.compile(r"Verb:(\w+).*?Resource:(\w+)")
_FORWARD = (
    "From outside the cluster forward its port: kubectl port-forward -n kubeflow svc/ml-pipeline "
    f"8888, then {ENDPOINT}=http://localhost:8888."
)
_GET_TOKEN = (
    f"In a pod, mount a projected service account token with audience {AUDIENCE}; elsewhere, "
    f"kubectl create token <account> -n <namespace> --audience {AUDIENCE} > token. Name its file "
    f"by {TOKEN_PATH}."
)


class KfpNotFound(ApiRejected):
    """There is no such thing."""


class KfpAlreadyExists(ApiRejected):
    """There is one of this name."""


@dataclass(frozen=True)
class KfpConfig:
    """Where KFP's API is, and the token to call it with.

    Attributes:
        token: The file with the bearer token, read at each call because it is rotated.
        token_required: Whether a missing or empty token file is an error, as it is where a person
            names it; else no token is sent.
        deadline_s: For one call with all its attempts.
        timeout_s: For one attempt.
    """

    endpoint: str
    token: Path | None = DEFAULT_TOKEN
    token_required: bool = False
    deadline_s: float = 60.0
    timeout_s: float = 20.0

    @classmethod
    def of_pod(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The API and token of the installation that a pod belongs to.

        Raises:
            InputError: The endpoint is not a URL.
        """
        endpoint = environment.get(ENDPOINT, "").strip() or DEFAULT_ENDPOINT
        return cls(_checked(endpoint), Path(environment.get(TOKEN_PATH) or DEFAULT_TOKEN))

    @classmethod
    def of_person(cls, endpoint: str, environment: Mapping[str, str] = os.environ) -> Self:
        """The same of a person, who names endpoint and token, and waits for seconds at most."""
        token = environment.get(TOKEN_PATH)
        path = Path(token) if token else None
        return cls(_checked(endpoint), path, token_required=path is not None, deadline_s=5.0)


class KfpHttpClient:
    """Calls KFP's API, and retries what may succeed later."""

    def __init__(self, config: KfpConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config, self._sleep = config, sleep
        self._client = httpx.Client(base_url=config.endpoint, timeout=config.timeout_s)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        file: Path | None = None,
        repeatable: bool = True,
    ) -> Mapping[str, Any]:
        """The answer to a call, which is retried until the deadline.

        Args:
            method: The HTTP method.
            path: The path after ``/apis/v2beta1``.
            query: Empty values are left out.
            body: Is sent as JSON.
            file: Is uploaded instead.
            repeatable: Whether it may be sent again although it may have been acted upon.

        Raises:
            KfpNotFound: There is no such thing.
            KfpAlreadyExists: There is one of this name.
            ApiRejected: It was rejected, and why.
            ApiUnavailable: There was no usable answer before the deadline.
        """
        parts: dict[str, Any] = {"params": {k: v for k, v in (query or {}).items() if v != ""}}
        if file is not None:
            parts["files"] = {"uploadfile": (file.name, file.read_bytes())}
        elif body is not None:
            parts["json"] = body
        where = f"{method} {self.config.endpoint}{_ROOT}{path}"
        until, attempt, rejected = time.monotonic() + self.config.deadline_s, 0, ""
        while True:
            token = self._token()
            answer = self._send(method, path, parts, token)
            if isinstance(answer, httpx.Response):
                rotated = answer.status_code == 401 and token != rejected and self._token() != token
                if not rotated and answer.status_code not in _RETRYABLE:
                    return self._read(answer, where)
            rejected, wait_s = token, _backoff_s(attempt, answer)
            if time.monotonic() + wait_s > until or not (repeatable or _was_ignored(answer)):
                problem, do = f"no answer ({type(answer).__name__}: {answer})", _FORWARD
                if isinstance(answer, httpx.Response):
                    problem, do = f"it answered {answer.status_code}", "Try again later."
                tried = f"after {attempt + 1} attempt(s) in {self.config.deadline_s:.0f} s"
                raise ApiUnavailable(f"{where}: {problem}, {tried}. {do}")
            self._sleep(wait_s)
            attempt += 1

    def _send(
        self, method: str, path: str, parts: Mapping[str, Any], token: str
    ) -> httpx.Response | httpx.TransportError:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return self._client.request(method, f"{_ROOT}{path}", headers=headers, **parts)
        except httpx.TransportError as error:
            return error

    def _token(self) -> str:
        file = self.config.token
        if file is None:
            return ""
        try:
            token = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            if not self.config.token_required:
                return ""
            raise InputError(TOKEN_PATH, str(error), "a file that holds a token") from error
        except (OSError, UnicodeDecodeError) as error:
            given = type(error).__name__
            raise InputError(str(file), given, "a readable file with a token") from error
        if not token and self.config.token_required:  # the command that was to fill it failed
            raise InputError(TOKEN_PATH, f"{file} is empty", "a file that holds a token")
        return token

    def _read(self, answer: httpx.Response, where: str) -> Mapping[str, Any]:
        status, message = answer.status_code, _message(answer)
        if status == 404:
            absent = f" There is no Kubeflow Pipelines at this address. {_FORWARD}"
            raise KfpNotFound(f"{where}: {message}.{absent if where.endswith('/healthz') else ''}")
        if status == 409:
            raise KfpAlreadyExists(f"{where}: {message}")
        if status in (401, 403):
            raise ApiRejected(f"{where}: {status}: {message}. {self._access_hint(status, message)}")
        if status >= 500:
            raise ApiUnavailable(f"{where}: it answered {status}: {message}")
        if answer.is_redirect:
            do = f"Point {ENDPOINT} at the API itself, not at a page where people log in."
            raise ApiRejected(f"{where}: redirected to {answer.headers.get('location', '')}. {do}")
        if answer.is_error:
            raise ApiRejected(f"{where}: {status}: {message}")
        try:
            read: Mapping[str, Any] = answer.json()
        except ValueError as error:
            do = f"Point {ENDPOINT} at the API: this may be a page where people log in."
            raise ApiRejected(f"{where}: the answer is not JSON. {do}") from error
        return read

    def _access_hint(self, status: int, message: str) -> str:
        """What is missing: an audience, a right, or a way through the mesh."""
        token = self.config.token
        if status == 401 and (token is None or not token.exists()):
            return f"No token was sent. {_GET_TOKEN}"
        if status == 401:
            return f"The token in {token} must have audience {AUDIENCE} and not be expired."
        rule = _RULE.search(message)
        if rule:
            return (
                f"The caller has no verb {rule[1]!r} on {rule[2]!r} of {AUDIENCE}: add it to the "
                "role of ratoon-scheduler (manifests/rbac), or, for a person, ask for the role "
                "kubeflow-edit in the namespace."
            )
        return (
            "The message names no right: a policy of the mesh or network may keep the caller from "
            "the API, or it needs a token."
        )


def _checked(endpoint: str) -> str:
    if not re.match(r"https?://[^/]", endpoint):
        raise InputError(ENDPOINT, endpoint, f"a URL such as {DEFAULT_ENDPOINT}")
    return endpoint.rstrip("/")


def _message(answer: httpx.Response) -> str:
    try:
        read = answer.json()
    except ValueError:
        return answer.text.strip()[:300] or answer.reason_phrase
    message = read.get("message") or read.get("error_message") if isinstance(read, dict) else None
    return str(message or read)[:600]


def _was_ignored(answer: httpx.Response | httpx.TransportError) -> bool:
    """Whether the server certainly did not act upon the call."""
    if isinstance(answer, httpx.Response):
        return answer.status_code in (401, 429, 503)
    return isinstance(answer, httpx.ConnectError | httpx.ConnectTimeout)


def _backoff_s(attempt: int, answer: httpx.Response | httpx.TransportError) -> float:
    """Seconds to wait before the next attempt: what the server asks for, else twice as long."""
    asked = answer.headers.get("retry-after", "") if isinstance(answer, httpx.Response) else ""
    if asked.isdigit():
        return min(float(asked), MAX_BACKOFF_S)
    longest = min(0.2 * 2.0**attempt, MAX_BACKOFF_S)
    spread: float = random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
    return longest * spread
