"""The v1 protocol: ``instances``, a list of row objects."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from components.model.saved_model import Predictions
from components.model.serve.errors import InvalidInput, abbreviate
from components.model.serve.input_schema import InputSchema, RawColumn
from components.model.serve.parsers import parse_json, parse_request_id
from components.model.serve.runtime import PredictRequest

SHAPE = 'an object such as {"instances": [{"column": value, …}, …]}'


class _Body(msgspec.Struct, forbid_unknown_fields=True):  # type: ignore[misc, call-arg]
    instances: list[dict[str, Any]]
    signature_name: str | None = None


_DECODER: Any = msgspec.json.Decoder(_Body)


def parse_v1(
    body: bytes, request_id: str | None, schema: InputSchema, started_s: float
) -> PredictRequest:
    """Parses the body of a v1 predict request, its id from the header ``x-request-id``.

    Raises:
        InvalidInput: It is not one.
    """
    instances = parse_json(_DECODER, body, SHAPE).instances
    return v1_request(instances, request_id, schema, started_s)


def v1_request(
    instances: Sequence[Any], request_id: str | None, schema: InputSchema, started_s: float
) -> PredictRequest:
    """A request from its row objects.

    Raises:
        InvalidInput: A row is not an object, or lacks a column that the model reads.
    """
    request_id = parse_request_id(request_id)
    return PredictRequest(request_id, _columns(instances, schema), len(instances), started_s)


def v1_response(answers: Predictions, request_id: str, version: str) -> dict[str, Any]:
    """The response, as JSON types."""
    pairs = zip(answers.probability.tolist(), answers.predicted.tolist(), strict=True)
    return {
        "predictions": [{"probability": p, "predicted": c} for p, c in pairs],
        "model_version": version,
        "request_id": request_id,
    }


def _columns(instances: Sequence[Any], schema: InputSchema) -> Mapping[str, RawColumn]:
    schema.check_rows(len(instances))
    for row, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise InvalidInput(f"instances[{row}]", abbreviate(instance), "an object of columns")
    names = instances[0].keys()
    if not all(instance.keys() == names for instance in instances):
        return _ragged_columns(instances, schema)
    schema.check_names(names, "instances[0]")
    if len(names) == 1:
        return {name: RawColumn([instance[name] for instance in instances]) for name in names}
    columns = zip(*map(itemgetter(*names), instances), strict=True)
    return {name: RawColumn(cells) for name, cells in zip(names, columns, strict=True)}


def _ragged_columns(
    instances: Sequence[dict[str, Any]], schema: InputSchema
) -> Mapping[str, RawColumn]:
    """Columns of rows that differ in what is only logged."""
    for row, instance in enumerate(instances):
        schema.check_names(instance, f"instances[{row}]")
    names = dict.fromkeys(name for instance in instances for name in instance)
    return {name: RawColumn([instance.get(name) for instance in instances]) for name in names}
