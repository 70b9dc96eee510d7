"""The model as KServe's own path knows it: binary tensors, requested outputs, CloudEvents."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import kserve
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse

from components.model.serve.prediction import Prediction
from components.model.serve.predictor import Predictor, Request
from components.model.serve.refusal import Refusal, shown
from components.model.serve.request_id import request_id_of
from components.model.serve.v1 import SHAPE, answer_v1, given_rows
from components.model.serve.v2 import request_of

_INPUTS = {"number": "FP64", "category": "BYTES", "timestamp": "INT64", "key": "BYTES"}
_OUTPUTS = {"probability": "FP32", "predicted": "INT64"}


class KServeModel(kserve.Model):  # type: ignore[misc]
    """Our predictor behind KServe's interface.

    Args:
        name: The name in paths.
        predictor: Answers; its model is loaded and warm.
        is_ready: Whether the server takes requests.
    """

    def __init__(self, name: str, predictor: Predictor, is_ready: Callable[[], bool]) -> None:
        super().__init__(name)
        self._predictor, self._is_ready = predictor, is_ready
        self.ready = True

    async def healthy(self) -> bool:
        """Whether it takes requests."""
        return bool(self.ready) and self._is_ready()

    def get_input_types(self) -> list[dict[str, Any]]:
        """The columns; those that are only logged may be left out."""
        contract = self._predictor.contract
        kinds = {**contract.kinds, **contract.carried}
        return [{"name": n, "datatype": _INPUTS[kind], "shape": [-1]} for n, kind in kinds.items()]

    def get_output_types(self) -> list[dict[str, Any]]:
        """The two outputs."""
        return [{"name": n, "datatype": kind, "shape": [-1]} for n, kind in _OUTPUTS.items()]

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Answers a v2 request that KServe read, or the dict of a v1 one.

        Raises:
            Refusal: The request cannot be answered.
        """
        started_s = time.perf_counter()
        given_id = (headers or {}).get("x-request-id")
        if isinstance(payload, InferRequest):
            _check_requested(payload)
            tensors = [_plain(tensor) for tensor in payload.inputs]
            request = request_of(tensors, payload.id or given_id, started_s)
            return self._response(payload, request, await self._predictor.predict(request))
        if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
            raise Refusal("the body", shown(payload), SHAPE)
        rows = given_rows(payload["instances"], self._predictor.contract)
        request = Request(request_id_of(given_id), rows, len(payload["instances"]), started_s)
        answer = await self._predictor.predict(request)
        return answer_v1(answer, request.id, self._predictor.card.version)

    def _response(self, asked: Any, request: Request, answer: Prediction) -> Any:
        outputs = []
        for name, values in (("probability", answer.probability), ("predicted", answer.predicted)):
            output = InferOutput(name, [len(values)], _OUTPUTS[name])
            output.set_data_from_numpy(values, binary_data=False)
            outputs.append(output)
        return InferResponse(
            response_id=request.id,
            model_name=self.name,
            infer_outputs=outputs,
            model_version=self._predictor.card.version,
            use_binary_outputs=asked.use_binary_outputs,
            requested_outputs=asked.request_outputs,
        )


def _check_requested(asked: Any) -> None:
    for output in asked.request_outputs or ():
        if output.name not in _OUTPUTS:
            raise Refusal("outputs", shown(output.name), " or ".join(_OUTPUTS))


def _plain(tensor: Any) -> Any:
    """A tensor whose data is a list of JSON types."""
    if isinstance(tensor.data, np.ndarray):
        tensor.data = tensor.data.tolist()
    if not isinstance(tensor.data, list) or not isinstance(tensor.shape, list):
        accepted = "a list of numbers or strings"
        raise Refusal(f"column {shown(tensor.name)}: data", shown(tensor.data), accepted)
    return tensor
