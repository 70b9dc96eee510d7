"""KServe's model server around our predictor, and all that we change of it.

KServe keeps its own complete path: CloudEvents, binary tensors, requested outputs, metadata,
liveness and ``/metrics``. We stand outside it. Patched, as read at kserve 0.21.0, starlette
1.10.0 and uvicorn 0.54.0:

- `kserve.model_server.app.build_middleware_stack` is replaced on the instance. Starlette calls it
  once, at the first event. `app.add_middleware` would not do: what KServe adds as it starts lands
  outside of ours. KServe's exception handlers, which log what the client sent, are replaced at
  that moment too.
- `kserve.ModelServer._serve` is overridden, to set what KServe has no option for: `host` and
  `access_log` of the `uvicorn.Config` at `_rest_server.config`, and `handle_exit` of the
  `uvicorn.Server` at `_rest_server._server`, which the drain delays.

``tests/server/test_serve_patches.py`` fails if an upgrade breaks any of them.
"""

import asyncio
import signal
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import kserve
import numpy as np
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from kserve import InferOutput, InferRequest, InferResponse
from kserve.errors import InferenceError as KServeInferenceError
from kserve.errors import InvalidInput as KServeInvalidInput
from kserve.errors import ModelNotFound, ModelNotReady
from kserve.model_server import app
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from components.core.errors import InputError
from components.model.saved_model import InferenceError, Predictions
from components.model.serve import protocols
from components.model.serve.cli import ServerOptions
from components.model.serve.middleware import ModelRoutes, PredictMiddleware
from components.model.serve.parsers import InvalidInput, abbreviate
from components.model.serve.runtime import Predictor, PredictRequest

# Drain, requests in flight and the log's last rows together end within the 30 s that Kubernetes
# gives a pod by default.
_GRACE_S, _MIN_GRACE_S = 20.0, 5.0
_INPUT_DATATYPES = {"number": "FP64", "category": "BYTES", "timestamp": "INT64", "key": "BYTES"}
_UNREADABLE = (
    "the request: given something that the protocol's reader could not read; accepted: the "
    "protocol's JSON, or its binary extension with the sizes that the body has. Compare it with "
    "the Open Inference Protocol."
)
# What KServe's readers of binary tensors and CloudEvents raise over a malformed request.
_READER_ERRORS = (
    KServeInferenceError,
    KServeInvalidInput,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)
Handler = Callable[[Any, Any], Awaitable[JSONResponse]]


class ModelServer(kserve.ModelServer):  # type: ignore[misc]
    """A model server of one model, which is loaded and warm."""

    def __init__(self, predictor: Predictor, options: ServerOptions) -> None:
        super().__init__(
            http_port=options.port,
            workers=1,  # metrics are a process's own
            enable_grpc=False,
            enable_latency_logging=False,
            grace_period=max(_GRACE_S - options.drain_s, _MIN_GRACE_S),
        )
        self._host, self._drain_s = options.host, options.drain_s
        self._draining = False
        name = options.name or predictor.card.name
        routes = ModelRoutes(name, predictor.card.version)
        max_bytes = options.max_body_bytes
        self._model = ServedModel(name, predictor, self.is_serving)
        wrap_middleware_stack(
            app, lambda inner: PredictMiddleware(inner, predictor, routes, self.is_ready, max_bytes)
        )

    def run(self) -> None:
        """Serves until a signal ends it; requests in flight are answered first."""
        self.start([self._model])

    def is_serving(self) -> bool:
        """Whether requests are answered: from the start until the end of the drain."""
        return self._rest_server is not None and not self._rest_server._server.should_exit

    def is_ready(self) -> bool:
        """Whether more requests are wanted: from the start until a signal comes."""
        return self.is_serving() and not self._draining

    async def _serve(self) -> None:
        self._rest_server.config.host = self._host
        self._rest_server.config.access_log = False
        server = self._rest_server._server
        server.handle_exit = self._after_drain(server.handle_exit, asyncio.get_running_loop())
        await super()._serve()

    def _after_drain(
        self, end: Callable[[int, Any], None], loop: asyncio.AbstractEventLoop
    ) -> Callable[[int, Any], None]:
        """Ends only after the drain: for that long a cluster still sends new requests."""

        def handle(number: int, frame: Any) -> None:
            if number != signal.SIGTERM or self._draining or not self._drain_s:
                end(number, frame)
                return
            self._draining = True
            loop.call_soon_threadsafe(loop.call_later, self._drain_s, end, number, frame)

        return handle


def wrap_middleware_stack(wrapped: FastAPI, middleware_of: Callable[[ASGIApp], ASGIApp]) -> None:
    """Puts a middleware outside all that KServe adds: its timing, routing and handlers."""
    build = wrapped.build_middleware_stack

    def build_outermost() -> ASGIApp:
        for error, handler in exception_handlers().items():
            wrapped.add_exception_handler(error, handler)
        return ServerErrorMiddleware(middleware_of(build()), handler=_answer_internal_error)

    wrapped.build_middleware_stack = build_outermost


class ServedModel(kserve.Model):  # type: ignore[misc]
    """Our predictor as KServe's own path calls it."""

    def __init__(self, name: str, predictor: Predictor, is_serving: Callable[[], bool]) -> None:
        super().__init__(name)
        self._predictor, self._is_serving = predictor, is_serving
        self.ready = True

    async def healthy(self) -> bool:
        """Whether it answers requests."""
        return bool(self.ready) and self._is_serving()

    def get_input_types(self) -> list[dict[str, Any]]:
        """The columns; those that are only logged may be left out."""
        schema = self._predictor.schema
        kinds = {**schema.kinds, **schema.passthrough}
        return _described({name: _INPUT_DATATYPES[kind] for name, kind in kinds.items()})

    def get_output_types(self) -> list[dict[str, Any]]:
        """The two outputs."""
        return _described(protocols.OUTPUT_DATATYPES)

    async def predict(self, payload: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Answers a v2 request that KServe read, or the dict of a v1 one, as `Predictor` does."""
        started_s = time.perf_counter()
        header_id = (headers or {}).get("x-request-id")
        if isinstance(payload, InferRequest):
            for output in payload.request_outputs or ():
                if output.name not in protocols.OUTPUT_DATATYPES:
                    accepted = " or ".join(protocols.OUTPUT_DATATYPES)
                    raise InvalidInput("outputs", abbreviate(output.name), accepted)
            tensors = [_as_json_types(tensor) for tensor in payload.inputs]
            request = protocols.v2_request(tensors, payload.id or header_id, started_s)
            return self._response(payload, request, await self._predictor.predict(request))
        if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
            raise InvalidInput("the body", abbreviate(payload), protocols.V1_SHAPE)
        schema, version = self._predictor.schema, self._predictor.card.version
        request = protocols.v1_request(payload["instances"], header_id, schema, started_s)
        answers = await self._predictor.predict(request)
        return protocols.v1_response(answers, request.id, version)

    def _response(self, payload: Any, request: PredictRequest, answers: Predictions) -> Any:
        outputs = []
        for name, datatype in protocols.OUTPUT_DATATYPES.items():
            values = getattr(answers, name)
            output = InferOutput(name, [len(values)], datatype)
            output.set_data_from_numpy(values, binary_data=False)
            outputs.append(output)
        return InferResponse(
            response_id=request.id,
            model_name=self.name,
            infer_outputs=outputs,
            model_version=self._predictor.card.version,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


def _described(datatypes: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": n, "datatype": d, "shape": [-1]} for n, d in datatypes.items()]


def _as_json_types(tensor: Any) -> Any:
    """The tensor, its data a list of JSON types."""
    if isinstance(tensor.data, np.ndarray):
        tensor.data = tensor.data.tolist()
    if not isinstance(tensor.data, list) or not isinstance(tensor.shape, list):
        where, given = f"column {abbreviate(tensor.name)}: data", abbreviate(tensor.data)
        raise InvalidInput(where, given, "a list of numbers or strings")
    return tensor


def exception_handlers() -> dict[type[Exception], Handler]:
    """Exception to handler, in place of KServe's: the client's faults are 4xx, nothing leaks."""
    return {
        **dict.fromkeys(_READER_ERRORS, _answer(400, _UNREADABLE)),
        RequestValidationError: _answer_validation_error,
        HTTPException: _answer_http_exception,
        InputError: _answer_input_error,
        InferenceError: _answer(500, "The model failed on these rows."),
        NotImplementedError: _answer(404, "This server does not offer that."),
        ModelNotFound: _answer(404, "There is no model of that name."),
        ModelNotReady: _answer(503, "The model is not ready; try again."),
        Exception: _answer_internal_error,
    }


def _answer(status: int, error: str) -> Handler:
    async def answer(_: Any, __: Any) -> JSONResponse:
        return JSONResponse({"error": error}, status)

    return answer


_answer_internal_error = _answer(500, "The server failed; its log says where.")


async def _answer_input_error(_: Any, error: InputError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, getattr(error, "status", 400))


async def _answer_validation_error(_: Any, error: RequestValidationError) -> JSONResponse:
    found = [f"{'.'.join(map(str, e['loc'][-3:]))}: {e['msg']}" for e in error.errors()[:3]]
    return JSONResponse({"error": f"the body: {'; '.join(found)[:300]}. {_UNREADABLE}"}, 422)


async def _answer_http_exception(_: Any, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": str(error.detail)[:300]}, error.status_code, error.headers)
