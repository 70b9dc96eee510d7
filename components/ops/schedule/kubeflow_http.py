"""How KFP's REST API is spoken to: endpoint, token, what is tried again and what is refused.

By httpx, not by the generated package kfp_server_api: that one reads its token once unless a hook
is set, has no deadline over all its attempts, knows no 429, refuses an answer with a field or a
state that is newer than itself, and gives every error the same class.
"""

import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from components.core.errors import ApiRejected, ApiUnavailable, InputError

ENDPOINT, TOKEN_PATH = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"
DEFAULT_ENDPOINT = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
DEFAULT_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
AUDIENCE = "pipelines.kubeflow.org"
_AGAIN = frozenset((429, 502, 503, 504))
_RULE = re.compile(r"Verb:(\w+).*?Resource:(\w+)")
_MOST_WAIT_S = 5.0


class NotFound(ApiRejected):
    """There is no such thing."""


class AlreadyThere(ApiRejected):
    """There is one of this name."""


@dataclass(frozen=True)
class Access:
    """Where KFP's API is, and who asks.

    Attributes:
        endpoint: Its URL.
        token: The file with the bearer token, read at each call because it is rotated; where there
            is no such file, none is sent.
        deadline_s: Seconds for one call with all its attempts.
        timeout_s: Seconds for one attempt.
    """

    endpoint: str
    token: Path = DEFAULT_TOKEN
    deadline_s: float = 60.0
    timeout_s: float = 20.0

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Access":
        """What the environment says.

        Raises:
            InputError: The endpoint is no URL.
        """
        endpoint = environment.get(ENDPOINT, "").strip() or DEFAULT_ENDPOINT
        if not re.match(r"https?://[^/]", endpoint):
            raise InputError(ENDPOINT, endpoint, f"a URL such as {DEFAULT_ENDPOINT}")
        return cls(endpoint.rstrip("/"), Path(environment.get(TOKEN_PATH) or DEFAULT_TOKEN))


class Http:
    """Calls KFP's API.

    Args:
        access: Where it is, and who asks.
        sleep: Waits that many seconds.
    """

    def __init__(self, access: Access, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access, self._sleep = access, sleep
        self._client = httpx.Client(base_url=access.endpoint, timeout=access.timeout_s)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """One call, tried again while that may help.

        A call that was acted on but whose answer was lost is sent again too; what asks for a
        creation has to bear that it was made twice.

        Args:
            method: The HTTP method.
            path: The path after ``/apis/v2beta1``.
            query: The query; empty values are left out.
            body: What is sent as JSON.

        Raises:
            NotFound: There is no such thing.
            AlreadyThere: There is one of this name.
            ApiRejected: It was refused, and why.
            ApiUnavailable: No usable answer before the deadline.
        """
        given = {name: value for name, value in (query or {}).items() if value != ""}
        until, attempt, refused = time.monotonic() + self._access.deadline_s, 0, ""
        while True:
            token = self._token()
            answer, problem = self._once(method, path, given, body, token)
            if answer is not None and answer.status_code == 401 and token != refused:
                refused, problem = token, "the token was not accepted"
                if self._token() == token:
                    return _read(answer, method, path, self._access)
            elif answer is not None and answer.status_code not in _AGAIN:
                return _read(answer, method, path, self._access)
            wait_s = _wait_s(attempt, answer)
            if time.monotonic() + wait_s > until:
                where = f"{method} {self._access.endpoint}/apis/v2beta1{path}"
                tried = f"{attempt + 1} attempt(s) in {self._access.deadline_s:.0f} s"
                raise ApiUnavailable(f"{where}: {problem}, after {tried}. Try again later.")
            self._sleep(wait_s)
            attempt += 1

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: Mapping[str, Any] | None,
        token: str,
    ) -> tuple[httpx.Response | None, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self._client.request(
                method, f"/apis/v2beta1{path}", params=query, json=body, headers=headers
            )
        except httpx.TransportError as error:
            return None, f"no answer ({type(error).__name__}: {error})"
        return answer, f"it answered {answer.status_code}"

    def _token(self) -> str:
        file = self._access.token
        try:
            return file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            said = f"{type(error).__name__}"
            raise InputError(str(file), said, "a readable file with a token") from error


def _read(answer: httpx.Response, method: str, path: str, access: Access) -> Mapping[str, Any]:
    where = f"{method} {access.endpoint}/apis/v2beta1{path}"
    said = _message(answer)
    if answer.status_code == 404:
        raise NotFound(f"{where}: {said}")
    if answer.status_code == 409:
        raise AlreadyThere(f"{where}: {said}")
    if answer.status_code in (401, 403):
        raise ApiRejected(f"{where}: {said}. {_who(answer.status_code, said, access)}")
    if answer.status_code >= 500:
        raise ApiUnavailable(f"{where}: it answered {answer.status_code}: {said}")
    if answer.is_redirect:
        do = f"Point {ENDPOINT} at the API itself, not at a page that asks people to log in."
        raise ApiRejected(f"{where}: redirected to {answer.headers.get('location', '')}. {do}")
    if answer.is_error:
        raise ApiRejected(f"{where}: {answer.status_code}: {said}")
    try:
        read: Mapping[str, Any] = answer.json()
    except ValueError as error:
        do = f"Point {ENDPOINT} at the API of Kubeflow Pipelines."
        raise ApiRejected(f"{where}: the answer is no JSON. {do}") from error
    return read


def _message(answer: httpx.Response) -> str:
    try:
        read = answer.json()
    except ValueError:
        return answer.text.strip()[:300] or answer.reason_phrase
    said = read.get("message") or read.get("error_message") if isinstance(read, dict) else None
    return str(said or read)[:600]


def _who(status: int, said: str, access: Access) -> str:
    """What is missing: an audience, a right, or a way through the mesh."""
    if status == 401 and not access.token.exists():
        return (
            f"No token was sent, for there is no {access.token}. Mount a projected service account "
            f"token with audience {AUDIENCE} and name its file by {TOKEN_PATH}."
        )
    if status == 401:
        return f"The token in {access.token} must have audience {AUDIENCE} and not be expired."
    rule = _RULE.search(said)
    if rule:
        return (
            f"The service account has no verb {rule[1]!r} on {rule[2]!r} of {AUDIENCE}: add it to "
            "the role of ratoon-scheduler (manifests/rbac)."
        )
    return (
        "Neither does the message name a right: a policy of the mesh or network may keep this pod "
        "from the API."
    )


def _wait_s(attempt: int, answer: httpx.Response | None) -> float:
    """Seconds to wait before the next attempt: what the server asks for, else twice as long."""
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    if asked.isdigit():
        return min(float(asked), _MOST_WAIT_S)
    longest = min(0.2 * 2.0**attempt, _MOST_WAIT_S)
    spread: float = random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
    return longest * spread
