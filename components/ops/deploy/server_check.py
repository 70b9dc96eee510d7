"""Tries a candidate's own server before it gets any traffic."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from components.core.artifacts import TRIAL_REQUEST, Golden, ModelCard
from components.core.verdict import Finding
from components.ops.deploy import trials
from components.ops.targets.protocol import Endpoint

_REQUESTS = 20
_SLOW_ONES = 2
_WARM_UP = 3
_TIMEOUT_S = 30.0


def check_server(
    endpoint: Endpoint, card: ModelCard, golden: Golden, latency_limit_ms: float
) -> tuple[Finding, ...]:
    """Asks for the golden rows, for single rows, and for what must be refused.

    Args:
        endpoint: The candidate's own address.
        card: What the model is.
        golden: Rows with the probabilities that the model gave where it was made.
        latency_limit_ms: The longest that a single row may take, in ms.

    Returns:
        One finding for each trial; a server that breaks off fails the rest.
    """
    with httpx.Client(
        base_url=endpoint.url, headers=endpoint.headers, trust_env=False, timeout=_TIMEOUT_S
    ) as client:
        server = _Tried(client, f"/v2/models/{card.name}/infer")
        try:
            return (
                *_check_goldens(server, card, golden),
                _check_latency(server, card, golden, latency_limit_ms),
                _check_wrong_input(server, card, golden),
            )
        except httpx.TransportError as error:
            what = f"The server broke off: {type(error).__name__} {error}".strip()
            return (trials.no_answer("golden", "server", f"{what}."),)


class _Tried:
    """A server that is being tried; each request says so in its id."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self._client, self._path = client, path

    def ask(self, body: Mapping[str, Any]) -> httpx.Response:
        return self._client.post(self._path, json=body, headers=_headers())

    def ask_raw(self, body: bytes) -> httpx.Response:
        headers = {**_headers(), "Content-Type": "application/json"}
        return self._client.post(self._path, content=body, headers=headers)


def _check_goldens(server: _Tried, card: ModelCard, golden: Golden) -> tuple[Finding, ...]:
    response = server.ask(trials.golden_body(card, golden))
    if response.status_code != httpx.codes.OK:
        told = f"The server answered the golden rows with {response.status_code}: "
        return (trials.no_answer("golden", "golden rows", told + response.text[:300]),)
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        sentence = "The server answered the golden rows with something other than a JSON object."
        return (trials.no_answer("golden", "golden rows", sentence),)
    return trials.judge_goldens(golden, answer), trials.judge_version(card, answer)


def _check_latency(server: _Tried, card: ModelCard, golden: Golden, limit_ms: float) -> Finding:
    body = trials.golden_body(card, golden, 1)
    latencies: list[float] = []
    for _ in range(_WARM_UP):
        server.ask(body)
    # Two slow ones of twenty decide, so a slow server is not waited for any longer than that.
    while len(latencies) < _REQUESTS and sum(ms > limit_ms for ms in latencies) < _SLOW_ONES:
        started = time.perf_counter()
        server.ask(body)
        latencies.append((time.perf_counter() - started) * 1000)
    return trials.judge_latency(latencies, limit_ms)


def _check_wrong_input(server: _Tried, card: ModelCard, golden: Golden) -> Finding:
    bodies = trials.wrong_bodies(card, golden)
    return trials.judge_wrong_input({w: server.ask_raw(b).status_code for w, b in bodies.items()})


def _headers() -> dict[str, str]:
    return {"X-Request-ID": f"{TRIAL_REQUEST}{uuid.uuid4().hex}"}
