"""The v2 protocol (Open Inference Protocol): one tensor for each column."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from components.model.saved_model import Predictions
from components.model.serve.errors import InvalidInput, abbreviate
from components.model.serve.input_schema import RawColumn
from components.model.serve.parsers import parse_json, parse_request_id
from components.model.serve.runtime import PredictRequest

OUTPUT_DATATYPES = {"probability": "FP32", "predicted": "INT64"}
_SHAPE = (
    'an object such as {"inputs": [{"name": "column", "shape": [rows], "datatype": "FP64", '
    '"data": […]}, …]}'
)


class InputTensor(msgspec.Struct):  # type: ignore[misc]
    """An input as JSON has it."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class V2Body(msgspec.Struct):  # type: ignore[misc]
    """The body of an infer request."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Any] | None = None

    @property
    def needs_kserve(self) -> bool:
        """Whether it asks for something that only KServe's own path does."""
        return bool(self.outputs or self.parameters)


_DECODER: Any = msgspec.json.Decoder(V2Body)


def parse_v2(body: bytes) -> V2Body:
    """Parses the body of a v2 infer request.

    Raises:
        InvalidInput: It is not one.
    """
    parsed: V2Body = parse_json(_DECODER, body, _SHAPE)
    return parsed


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


def v2_response(
    answers: Predictions, request_id: str, name: str, version: str
) -> Mapping[str, Any]:
    """The response, as JSON types."""
    rows = len(answers.probability)
    probability, predicted = answers.probability.tolist(), answers.predicted.tolist()
    return {
        "model_name": name,
        "model_version": version,
        "id": request_id,
        "outputs": [
            {"name": "probability", "shape": [rows], "datatype": "FP32", "data": probability},
            {"name": "predicted", "shape": [rows], "datatype": "INT64", "data": predicted},
        ],
    }


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
