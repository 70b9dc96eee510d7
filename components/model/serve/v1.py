"""The v1 protocol: ``instances``, a list of row objects."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from components.model.serve.columns import Contract, Given
from components.model.serve.json_body import decode
from components.model.serve.prediction import Prediction
from components.model.serve.predictor import Request
from components.model.serve.refusal import Refusal, shown
from components.model.serve.request_id import request_id_of

SHAPE = 'an object such as {"instances": [{"column": value, …}, …]}'


class _Body(msgspec.Struct, forbid_unknown_fields=True):  # type: ignore[misc, call-arg]
    instances: list[dict[str, Any]]
    signature_name: str | None = None


_DECODER: Any = msgspec.json.Decoder(_Body)


def read_v1(body: bytes, request_id: str | None, contract: Contract, started_s: float) -> Request:
    """Reads the body of a v1 predict request.

    Args:
        body: JSON.
        request_id: The header ``x-request-id``.
        contract: What the model accepts.
        started_s: When the body was there, by `time.perf_counter`.

    Raises:
        Refusal: It is not one.
    """
    instances = decode(_DECODER, body, SHAPE).instances
    return Request(
        request_id_of(request_id), given_rows(instances, contract), len(instances), started_s
    )


def given_rows(instances: Sequence[Any], contract: Contract) -> Mapping[str, Given]:
    """The columns of row objects.

    Raises:
        Refusal: A row is no object, or lacks a column that the model reads.
    """
    contract.check_rows(len(instances))
    for row, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise Refusal(f"instances[{row}]", shown(instance), "an object of columns")
    names = instances[0].keys()
    if not all(instance.keys() == names for instance in instances):
        return _ragged(instances, contract)
    contract.check_names(names, "instances[0]")
    if len(names) == 1:
        return {name: Given([instance[name] for instance in instances]) for name in names}
    columns = zip(*map(itemgetter(*names), instances), strict=True)
    return {name: Given(cells) for name, cells in zip(names, columns, strict=True)}


def answer_v1(answer: Prediction, request_id: str, version: str) -> dict[str, Any]:
    """The answer, as JSON types."""
    pairs = zip(answer.probability.tolist(), answer.predicted.tolist(), strict=True)
    return {
        "predictions": [{"probability": p, "predicted": c} for p, c in pairs],
        "model_version": version,
        "request_id": request_id,
    }


def _ragged(instances: Sequence[dict[str, Any]], contract: Contract) -> Mapping[str, Given]:
    """Rows that differ in the columns that are only logged."""
    for row, instance in enumerate(instances):
        contract.check_names(instance, f"instances[{row}]")
    names = dict.fromkeys(name for instance in instances for name in instance)
    return {name: Given([instance.get(name) for instance in instances]) for name in names}
