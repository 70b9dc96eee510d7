"""The v2 protocol: one tensor a column."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from components.model.serve.columns import Given
from components.model.serve.json_body import decode
from components.model.serve.prediction import Prediction
from components.model.serve.predictor import Request
from components.model.serve.refusal import Refusal, shown
from components.model.serve.request_id import request_id_of

SHAPE = (
    'an object such as {"inputs": [{"name": "column", "shape": [rows], "datatype": "FP64", '
    '"data": […]}, …]}'
)


class Tensor(msgspec.Struct):  # type: ignore[misc]
    """An input as JSON has it."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class Body(msgspec.Struct):  # type: ignore[misc]
    """The body of an infer request."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Any] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it asks for nothing that only KServe's own path does."""
        return not (self.outputs or self.parameters)


_DECODER: Any = msgspec.json.Decoder(Body)


def read_v2(body: bytes) -> Body:
    """Reads the body of a v2 infer request.

    Raises:
        Refusal: It is not one.
    """
    read: Body = decode(_DECODER, body, SHAPE)
    return read


def request_of(tensors: Sequence[Any], request_id: object, started_s: float) -> Request:
    """A request from its tensors.

    Args:
        tensors: With `name`, `shape`, `datatype` and `data`, ours or KServe's.
        request_id: The client's; None: it gave none.
        started_s: When the body was there, by `time.perf_counter`.

    Raises:
        Refusal: Shapes do not agree with each other or with the data, or a name comes twice.
    """
    if not tensors:
        raise Refusal("inputs", "no tensor", "one tensor for each column")
    given: dict[str, Given] = {}
    rows = tensors[0].shape[0] if tensors[0].shape else 0
    for tensor in tensors:
        if tensor.name in given:
            raise Refusal("inputs", f"{shown(tensor.name)} twice", "each column once")
        given[tensor.name] = Given(_cells(tensor, rows), tensor.datatype)
    return Request(request_id_of(request_id), given, rows, started_s)


def answer_v2(answer: Prediction, request_id: str, name: str, version: str) -> Mapping[str, Any]:
    """The answer, as JSON types."""
    rows = len(answer.probability)
    probability, predicted = answer.probability.tolist(), answer.predicted.tolist()
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
    where = f"column {shown(tensor.name)}"
    if tensor.shape not in ([rows], [rows, 1]):
        accepted = f"[{rows}] or [{rows}, 1], as the first tensor has it"
        raise Refusal(f"{where}: shape", str(tensor.shape)[:60], accepted)
    cells: list[Any] = tensor.data
    if list in set(map(type, cells)) and all(type(c) is list and len(c) == 1 for c in cells):
        cells = list(chain.from_iterable(cells))
    if len(cells) != rows:
        raise Refusal(f"{where}: data", f"{len(cells)} values", f"{rows}, as its shape says")
    return cells
