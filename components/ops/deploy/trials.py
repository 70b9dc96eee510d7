"""Trials: what a server is asked before it may have traffic, and how its answers are judged."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.core.artifacts import Golden, ModelCard
from components.core.verdict import Finding, Severity

_DATATYPES = {"number": "FP64", "category": "BYTES", "timestamp": "INT64"}


def golden_body(card: ModelCard, golden: Golden, rows: int | None = None) -> dict[str, Any]:
    """The body of a v2 infer request with the first golden rows.

    Args:
        card: Names the columns and their kinds.
        golden: The rows.
        rows: How many; None: all.
    """
    inputs = []
    for column in card.columns:
        cells = list(golden.columns[column.name][:rows])
        datatype = _DATATYPES[column.kind]
        inputs.append(
            {"name": column.name, "shape": [len(cells)], "datatype": datatype, "data": cells}
        )
    return {"inputs": inputs}


def wrong_bodies(card: ModelCard, golden: Golden) -> Mapping[str, bytes]:
    """What a server must refuse with a status of 400 to 499: a description to a body."""
    right = golden_body(card, golden, 1)["inputs"]
    unknown = [*right, {**right[0], "name": "no_such_column"}]
    bodies = {
        "a body that is no JSON": b'{"inputs": [',
        "no columns": json.dumps({"inputs": []}).encode(),
        f"no column {right[0]['name']}": json.dumps({"inputs": right[1:]}).encode(),
        "a column that the model does not have": json.dumps({"inputs": unknown}).encode(),
    }
    place = next((i for i, c in enumerate(card.columns) if c.kind != "category"), None)
    if place is not None:
        wrong = {**right[place], "data": ["no value"]}
        spoiled = [*right[:place], wrong, *right[place + 1 :]]
        bodies[f"a text in column {wrong['name']}"] = json.dumps({"inputs": spoiled}).encode()
    return bodies


def judge_goldens(golden: Golden, answer: Mapping[str, Any]) -> Finding:
    """Compares what the server answered with what the model answered where it was made."""
    served = _probabilities(answer)
    if served is None or len(served) != len(golden.probability):
        count = "no" if served is None else len(served)
        return _fail(
            "golden", "golden rows", f"{count} rows", len(golden.probability),
            f"For {len(golden.probability)} golden rows the server answered {count} "
            "probabilities.",
        )  # fmt: skip
    off = [abs(a - b) for a, b in zip(served, golden.probability, strict=True)]
    worst = max(off, key=lambda d: math.inf if math.isnan(d) else d)
    sentence = f"Served probabilities differ from the golden ones by {worst:.2g} at most."
    if worst <= golden.tolerance:
        return _info("golden", "golden rows", worst, golden.tolerance, sentence)
    return _fail("golden", "golden rows", worst, golden.tolerance, sentence)


def judge_version(card: ModelCard, answer: Mapping[str, Any]) -> Finding:
    """Whether the answer says which version gave it, and that it is the one that was staged."""
    said = answer.get("model_version")
    if said == card.version:
        return _info("version", "answers", said, card.version, "Answers name their version.")
    sentence = f"Answers name version {said}, not {card.version}."
    return _fail("version", "answers", said, card.version, sentence)


def judge_latency(latencies_ms: Sequence[float], limit_ms: float) -> Finding:
    """Whether single rows are answered fast enough; the slowest in twenty is left to chance."""
    ordered = sorted(latencies_ms)
    slow = ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]
    sentence = f"95% of {len(ordered)} requests of one row were answered within {slow:.1f} ms."
    judged = _info if slow <= limit_ms else _fail
    return judged("latency", "one row", slow, limit_ms, sentence)


def judge_wrong_input(statuses: Mapping[str, int]) -> Finding:
    """Whether wrong input is refused, and not answered or taken for a failure of the server."""
    wrong = {what: status for what, status in statuses.items() if not 400 <= status < 500}
    if not wrong:
        sentence = f"All {len(statuses)} kinds of wrong input that were tried are refused."
        return _info("wrong_input", "requests", "4xx", "4xx", sentence)
    told = "; ".join(f"{what}: {status}" for what, status in wrong.items())
    return _fail("wrong_input", "requests", next(iter(wrong.values())), "4xx", f"{told}.")


def no_answer(code: str, subject: str, sentence: str) -> Finding:
    """The finding of a trial to which there was no answer to judge."""
    return _fail(code, subject, None, None, sentence)


def _probabilities(answer: Mapping[str, Any]) -> list[float] | None:
    outputs = answer.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and output.get("name") == "probability":
            data = output.get("data")
            if isinstance(data, list) and all(isinstance(v, float | int) for v in data):
                return [float(v) for v in data]
    return None


def _info(
    code: str, subject: str, measured: float | str | None, limit: float | str | None, text: str
) -> Finding:
    return Finding(
        code=code,
        severity=Severity.INFO,
        subject=subject,
        measured=measured,
        limit=limit,
        sentence=text,
    )


def _fail(
    code: str, subject: str, measured: float | str | None, limit: float | str | None, text: str
) -> Finding:
    return _info(code, subject, measured, limit, text).model_copy(
        update={"severity": Severity.FAIL}
    )
