"""Errors on KServe's own path as answers: what the client did is 4xx, and nothing leaks."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from kserve.errors import InferenceError, InvalidInput, ModelNotFound, ModelNotReady
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from components.core.errors import InputError
from components.model.serve.refusal import NetworkFailed

_UNREADABLE = (
    "the request: given something that the protocol's reader could not read; accepted: the "
    "protocol's JSON, or its binary extension with the sizes that the body has. Compare it with "
    "the Open Inference Protocol."
)
# What KServe's readers of binary tensors and CloudEvents raise over a malformed request.
_READERS = (
    InferenceError,
    InvalidInput,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)
Handler = Callable[[Any, Any], Awaitable[JSONResponse]]


def handlers() -> dict[type[Exception], Handler]:
    """Exception to handler, to stand in for KServe's, which log what the client sent."""
    return {
        **dict.fromkeys(_READERS, _answer(400, _UNREADABLE)),
        RequestValidationError: _invalid,
        HTTPException: _http,
        InputError: _refused,
        NetworkFailed: _answer(500, "The model failed on these rows."),
        NotImplementedError: _answer(404, "This server does not offer that."),
        ModelNotFound: _answer(404, "There is no model of that name."),
        ModelNotReady: _answer(503, "The model is not ready; try again."),
        Exception: failed,
    }


async def failed(_: Any, __: Any) -> JSONResponse:
    """The answer to a fault of ours."""
    return JSONResponse({"error": "The server failed; its log says where."}, 500)


def _answer(status: int, error: str) -> Handler:
    async def answer(_: Any, __: Any) -> JSONResponse:
        return JSONResponse({"error": error}, status)

    return answer


async def _refused(_: Any, refusal: InputError) -> JSONResponse:
    return JSONResponse({"error": str(refusal)}, getattr(refusal, "status", 400))


async def _invalid(_: Any, error: RequestValidationError) -> JSONResponse:
    found = [f"{'.'.join(map(str, e['loc'][-3:]))}: {e['msg']}" for e in error.errors()[:3]]
    return JSONResponse({"error": f"the body: {'; '.join(found)[:300]}. {_UNREADABLE}"}, 422)


async def _http(_: Any, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": str(error.detail)[:300]}, error.status_code, error.headers)
