"""Validates a candidate's own server before it gets any traffic (TFX calls it infra validation).

The server must answer the golden rows as the model did where it was trained, name its version, be
fast enough, and refuse invalid requests.
"""

import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from components.core.artifacts import TRIAL_REQUEST, Golden, ModelCard
from components.core.verdict import Finding, Severity, finding
from components.ops.targets.protocol import Endpoint

_DATATYPES = {"number": "FP64", "category": "BYTES", "timestamp": "INT64"}
_REQUESTS = 20
_MAX_SLOW = 2
_WARM_UP = 3
_TIMEOUT_S = 30.0


def validate_server(
    endpoint: Endpoint, card: ModelCard, golden: Golden, max_latency_ms: float
) -> tuple[Finding, ...]:
    """Sends the golden rows, single rows, and invalid requests.

    Args:
        endpoint: The candidate's own address.
        card: What the model is.
        golden: Rows with the probabilities that the model gave where it was trained.
        max_latency_ms: The longest that a single row may take, in ms.

    Returns:
        One finding per check; if the connection breaks, one that says so.
    """
    with httpx.Client(
        base_url=endpoint.url, headers=endpoint.headers, trust_env=False, timeout=_TIMEOUT_S
    ) as client:
        server = _Server(client, f"/v2/models/{card.name}/infer")
        try:
            return (
                *_check_golden_rows(server, card, golden),
                _check_latency(server, card, golden, max_latency_ms),
                _check_invalid_requests(server, card, golden),
            )
        except httpx.TransportError as error:
            what = f"The connection broke: {type(error).__name__} {error}".strip()
            return (finding("golden", Severity.FAIL, "server", None, None, f"{what}."),)


def golden_request(card: ModelCard, golden: Golden, rows: int | None = None) -> dict[str, Any]:
    """Returns the body of a v2 infer request with the first golden rows, or with all if None."""
    inputs = []
    for column in card.columns:
        cells = list(golden.columns[column.name][:rows])
        datatype = _DATATYPES[column.kind]
        inputs.append(
            {"name": column.name, "shape": [len(cells)], "datatype": datatype, "data": cells}
        )
    return {"inputs": inputs}


def invalid_requests(card: ModelCard, golden: Golden) -> Mapping[str, bytes]:
    """Returns bodies that a server must refuse with a status of 400 to 499, by description."""
    valid = golden_request(card, golden, 1)["inputs"]
    unknown = [*valid, {**valid[0], "name": "no_such_column"}]
    bodies = {
        "a body that is not JSON": b'{"inputs": [',
        "no columns": json.dumps({"inputs": []}).encode(),
        f"no column {valid[0]['name']}": json.dumps({"inputs": valid[1:]}).encode(),
        "a column that the model does not have": json.dumps({"inputs": unknown}).encode(),
    }
    index = next((i for i, c in enumerate(card.columns) if c.kind != "category"), None)
    if index is not None:
        text = {**valid[index], "data": ["no value"]}
        inputs = [*valid[:index], text, *valid[index + 1 :]]
        bodies[f"a text in column {text['name']}"] = json.dumps({"inputs": inputs}).encode()
    return bodies


def compare_golden_rows(golden: Golden, response: Mapping[str, Any]) -> Finding:
    """Compares served probabilities with those that the model gave where it was trained."""
    served = _probabilities(response)
    if served is None or len(served) != len(golden.probability):
        count = "no" if served is None else len(served)
        return finding(
            "golden", Severity.FAIL, "golden rows", f"{count} rows", len(golden.probability),
            f"For {len(golden.probability)} golden rows the server answered {count} "
            "probabilities.",
        )  # fmt: skip
    off = [abs(a - b) for a, b in zip(served, golden.probability, strict=True)]
    worst = max(off, key=lambda d: math.inf if math.isnan(d) else d)
    sentence = f"Served probabilities differ from the golden ones by {worst:.2g} at most."
    severity = _severity(worst <= golden.tolerance)
    return finding("golden", severity, "golden rows", worst, golden.tolerance, sentence)


def compare_version(card: ModelCard, response: Mapping[str, Any]) -> Finding:
    """Checks that the response names the version that was staged."""
    named = response.get("model_version")
    if named == card.version:
        sentence = "Responses name their version."
    else:
        sentence = f"Responses name version {named}, not {card.version}."
    severity = _severity(named == card.version)
    return finding("version", severity, "responses", named, card.version, sentence)


def compare_latency(latencies_ms: Sequence[float], max_latency_ms: float) -> Finding:
    """Checks that single rows are answered fast enough; one in twenty may be slower."""
    ordered = sorted(latencies_ms)
    slow = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]
    sentence = f"95% of {len(ordered)} requests of one row were answered within {slow:.1f} ms."
    severity = _severity(slow <= max_latency_ms)
    return finding("latency", severity, "one row", slow, max_latency_ms, sentence)


def compare_statuses(statuses: Mapping[str, int]) -> Finding:
    """Checks that invalid requests were refused, and not answered or failed at."""
    wrong = {what: status for what, status in statuses.items() if not 400 <= status < 500}
    measured = next(iter(wrong.values()), "4xx")
    sentence = f"All {len(statuses)} kinds of invalid requests were refused."
    if wrong:
        sentence = "; ".join(f"{what}: {status}" for what, status in wrong.items()) + "."
    return finding("wrong_input", _severity(not wrong), "requests", measured, "4xx", sentence)


class _Server:
    """A server under validation; the id of each request says so."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self._client, self._path = client, path

    def infer(self, body: Mapping[str, Any]) -> httpx.Response:
        return self._client.post(self._path, json=body, headers=_headers())

    def infer_raw(self, body: bytes) -> httpx.Response:
        headers = {**_headers(), "Content-Type": "application/json"}
        return self._client.post(self._path, content=body, headers=headers)


def _check_golden_rows(server: _Server, card: ModelCard, golden: Golden) -> tuple[Finding, ...]:
    response = server.infer(golden_request(card, golden))
    sentence = "The server answered the golden rows with something other than a JSON object."
    body = None
    if response.status_code != httpx.codes.OK:
        status = f"The server answered the golden rows with {response.status_code}: "
        sentence = status + response.text[:300]
    else:
        try:
            body = response.json()
        except ValueError:
            body = None
    if not isinstance(body, dict):
        return (finding("golden", Severity.FAIL, "golden rows", None, None, sentence),)
    return compare_golden_rows(golden, body), compare_version(card, body)


def _check_latency(
    server: _Server, card: ModelCard, golden: Golden, max_latency_ms: float
) -> Finding:
    body = golden_request(card, golden, 1)
    latencies: list[float] = []
    for _ in range(_WARM_UP):
        server.infer(body)
    # Two slow ones of twenty decide, so a slow server is not waited for any longer than that.
    while len(latencies) < _REQUESTS and sum(ms > max_latency_ms for ms in latencies) < _MAX_SLOW:
        started = time.perf_counter()
        server.infer(body)
        latencies.append((time.perf_counter() - started) * 1000)
    return compare_latency(latencies, max_latency_ms)


def _check_invalid_requests(server: _Server, card: ModelCard, golden: Golden) -> Finding:
    bodies = invalid_requests(card, golden)
    return compare_statuses({what: server.infer_raw(b).status_code for what, b in bodies.items()})


def _headers() -> dict[str, str]:
    return {"X-Request-ID": f"{TRIAL_REQUEST}{uuid.uuid4().hex}"}


def _probabilities(response: Mapping[str, Any]) -> list[float] | None:
    outputs = response.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and output.get("name") == "probability":
            data = output.get("data")
            if isinstance(data, list) and all(isinstance(v, float | int) for v in data):
                return [float(v) for v in data]
    return None


def _severity(passed: bool) -> Severity:
    return Severity.INFO if passed else Severity.FAIL
