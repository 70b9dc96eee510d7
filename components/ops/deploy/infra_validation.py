"""Validates a candidate's own server before it gets any traffic (TFX calls it infra validation).

The server must answer the golden rows as the model did where it was trained, name its version, be
fast enough, and refuse invalid requests.
"""

import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx

from components.core.artifacts import TRIAL_REQUEST, Golden, ModelCard
from components.core.verdict import Finding, Severity, fail_if, finding
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

    Returns:
        One finding per check; if the connection breaks, one that says so.
    """
    with httpx.Client(
        base_url=f"{endpoint.url}/v2/models/{card.name}",
        headers=endpoint.headers,
        trust_env=False,
        timeout=_TIMEOUT_S,
        event_hooks={"request": [_mark_as_trial]},
    ) as client:
        try:
            return (
                *_check_golden_rows(client, card, golden),
                _check_latency(client, card, golden, max_latency_ms),
                _check_invalid_requests(client, card, golden),
            )
        except httpx.TransportError as error:
            what = f"The connection broke: {type(error).__name__} {error}".strip()
            return (finding("golden", Severity.FAIL, "server", None, None, f"{what}."),)


def golden_request(card: ModelCard, golden: Golden, rows: int | None = None) -> dict[str, Any]:
    """Returns the body of a v2 infer request with the first golden rows, or with all if None."""
    inputs = []
    for column in card.columns:
        cells = list(golden.columns[column.name][:rows])
        shape, datatype = [len(cells)], _DATATYPES[column.kind]
        inputs.append({"name": column.name, "shape": shape, "datatype": datatype, "data": cells})
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
    severity = fail_if(not worst <= golden.tolerance)  # NaN fails, too
    return finding("golden", severity, "golden rows", worst, golden.tolerance, sentence)


def compare_version(card: ModelCard, response: Mapping[str, Any]) -> Finding:
    """Checks that the response names the version that was staged."""
    named = response.get("model_version")
    if named == card.version:
        sentence = "Responses name their version."
    else:
        sentence = f"Responses name version {named}, not {card.version}."
    severity = fail_if(named != card.version)
    return finding("version", severity, "responses", named, card.version, sentence)


def compare_latency(latencies_ms: Sequence[float], max_latency_ms: float) -> Finding:
    """Checks that single rows are answered fast enough; one in twenty may be slower."""
    ordered = sorted(latencies_ms)
    slow = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]
    sentence = f"95% of {len(ordered)} requests of one row were answered within {slow:.1f} ms."
    severity = fail_if(not slow <= max_latency_ms)
    return finding("latency", severity, "one row", slow, max_latency_ms, sentence)


def compare_statuses(statuses: Mapping[str, int]) -> Finding:
    """Checks that invalid requests were refused, and not answered or failed at."""
    wrong = {what: status for what, status in statuses.items() if not 400 <= status < 500}
    measured = next(iter(wrong.values()), "4xx")
    sentence = f"All {len(statuses)} kinds of invalid requests were refused."
    if wrong:
        sentence = "; ".join(f"{what}: {status}" for what, status in wrong.items()) + "."
    return finding("wrong_input", fail_if(bool(wrong)), "requests", measured, "4xx", sentence)


def _mark_as_trial(request: httpx.Request) -> None:
    request.headers["X-Request-ID"] = f"{TRIAL_REQUEST}{uuid.uuid4().hex}"


def _check_golden_rows(
    client: httpx.Client, card: ModelCard, golden: Golden
) -> tuple[Finding, ...]:
    response, body = client.post("/infer", json=golden_request(card, golden)), None
    if response.status_code == httpx.codes.OK:
        sentence = "The server answered the golden rows with something other than a JSON object."
        with suppress(ValueError):
            body = response.json()
    else:
        status = f"The server answered the golden rows with {response.status_code}: "
        sentence = status + response.text[:300]
    if not isinstance(body, dict):
        return (finding("golden", Severity.FAIL, "golden rows", None, None, sentence),)
    return compare_golden_rows(golden, body), compare_version(card, body)


def _check_latency(
    client: httpx.Client, card: ModelCard, golden: Golden, max_latency_ms: float
) -> Finding:
    body = golden_request(card, golden, 1)
    latencies: list[float] = []
    for _ in range(_WARM_UP):
        client.post("/infer", json=body)
    # Two slow ones of twenty decide, so a slow server is not waited for any longer than that.
    while len(latencies) < _REQUESTS and sum(ms > max_latency_ms for ms in latencies) < _MAX_SLOW:
        started = time.perf_counter()
        client.post("/infer", json=body)
        latencies.append((time.perf_counter() - started) * 1000)
    return compare_latency(latencies, max_latency_ms)


def _check_invalid_requests(client: httpx.Client, card: ModelCard, golden: Golden) -> Finding:
    bodies = invalid_requests(card, golden)
    as_json = {"Content-Type": "application/json"}
    answers = {w: client.post("/infer", content=b, headers=as_json) for w, b in bodies.items()}
    return compare_statuses({what: answer.status_code for what, answer in answers.items()})


def _probabilities(response: Mapping[str, Any]) -> list[float] | None:
    outputs = response.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and output.get("name") == "probability":
            data = output.get("data")
            if isinstance(data, list) and all(isinstance(v, float | int) for v in data):
                return [float(v) for v in data]
    return None
