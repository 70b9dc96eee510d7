"""The two protocols: v1, a list of row objects, and v2, one tensor for each column.

v2 is the Open Inference Protocol. Either becomes a `PredictRequest`, or raises `InvalidInput`.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec

from components.model.saved_model import Predictions
from components.model.serve.input_schema import InputSchema, RawColumn
from components.model.serve.parsers import InvalidInput, abbreviate, parse_json, parse_request_id
from components.model.serve.runtime import PredictRequest

V1_SHAPE = 'an object such as {"instances": [{"column": value, …}, …]}'
_V2_SHAPE = (
    'an object such as {"inputs": [{"name": "column", "shape": [rows], "datatype": "FP64", '
    '"data": […]}, …]}'
)
OUTPUT_DATATYPES = {"probability": "FP32", "predicted": "INT64"}


class _V1Body(msgspec.Struct, forbid_unknown_fields=True):  # type: ignore[misc, call-arg]
    instances: list[dict[str, Any]]
    signature_name: str | None = None


class _V2Tensor(msgspec.Struct):  # type: ignore[misc]
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class _V2Body(msgspec.Struct):  # type: ignore[misc]
    inputs: list[_V2Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Any] | None = None


_V1_DECODER: Any = msgspec.json.Decoder(_V1Body)
_V2_DECODER: Any = msgspec.json.Decoder(_V2Body)


def parse_v1(
    body: bytes, request_id: str | None, schema: InputSchema, started_s: float
) -> PredictRequest:
    """Parses the body of a v1 request; the id is that of the header ``x-request-id``."""
    instances = parse_json(_V1_DECODER, body, V1_SHAPE).instances
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


def parse_v2(body: bytes, request_id: str | None, started_s: float) -> PredictRequest | None:
    """Parses the body of a v2 request; None if it asks for what only KServe does."""
    parsed = parse_json(_V2_DECODER, body, _V2_SHAPE)
    if parsed.outputs or parsed.parameters:
        return None
    return v2_request(parsed.inputs, parsed.id or request_id, started_s)


def v2_request(tensors: Sequence[Any], request_id: object, started_s: float) -> PredictRequest:
    """A request from its tensors, ours or KServe's.

    Raises:
        InvalidInput: Shapes disagree with each other or with the data, or a name comes twice.
    """
    if not tensors:
        raise InvalidInput("inputs", "no tensor", "one tensor for each column")
    columns: dict[str, RawColumn] = {}
    rows = tensors[0].shape[0] if tensors[0].shape else 0
    for tensor in tensors:
        if tensor.name in columns:
            raise InvalidInput("inputs", f"{abbreviate(tensor.name)} twice", "each column once")
        columns[tensor.name] = RawColumn(_cells(tensor, rows), tensor.datatype)
    return PredictRequest(parse_request_id(request_id), columns, rows, started_s)


def v2_response(answers: Predictions, request_id: str, name: str, version: str) -> dict[str, Any]:
    """The response, as JSON types."""
    rows = len(answers.probability)
    return {
        "model_name": name,
        "model_version": version,
        "id": request_id,
        "outputs": [
            {"name": n, "shape": [rows], "datatype": d, "data": getattr(answers, n).tolist()}
            for n, d in OUTPUT_DATATYPES.items()
        ],
    }


def _columns(instances: Sequence[Any], schema: InputSchema) -> Mapping[str, RawColumn]:
    schema.check_rows(len(instances))
    for row, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise InvalidInput(f"instances[{row}]", abbreviate(instance), "an object of columns")
    names = instances[0].keys()
    if not all(instance.keys() == names for instance in instances):  # in what is only logged
        for row, instance in enumerate(instances):
            schema.check_names(instance, f"instances[{row}]")
        every = dict.fromkeys(name for instance in instances for name in instance)
        return {name: RawColumn([instance.get(name) for instance in instances]) for name in every}
    schema.check_names(names, "instances[0]")
    if len(names) == 1:
        return {name: RawColumn([instance[name] for instance in instances]) for name in names}
    columns = zip(*map(itemgetter(*names), instances), strict=True)
    return {name: RawColumn(cells) for name, cells in zip(names, columns, strict=True)}


def _cells(tensor: Any, rows: int) -> list[Any]:
    where = f"column {abbreviate(tensor.name)}"
    if tensor.shape not in ([rows], [rows, 1]):
        accepted = f"[{rows}] or [{rows}, 1], as the first tensor has it"
        raise InvalidInput(f"{where}: shape", str(tensor.shape)[:60], accepted)
    cells: list[Any] = tensor.data
    if list in set(map(type, cells)) and all(type(c) is list and len(c) == 1 for c in cells):
        cells = list(chain.from_iterable(cells))
    if len(cells) != rows:
        raise InvalidInput(f"{where}: data", f"{len(cells)} values", f"{rows}, as its shape says")
    return cells
