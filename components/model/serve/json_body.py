"""JSON bodies, decoded or refused."""

from typing import Any

import msgspec

from components.model.serve.refusal import Refusal


def decode(decoder: Any, body: bytes, shape: str) -> Any:
    """Decodes a body; the literals NaN and Infinity are no JSON.

    Args:
        decoder: A `msgspec.json.Decoder`.
        body: The bytes.
        shape: What would be accepted, in words.

    Raises:
        Refusal: It is malformed, or of another shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal("the body", str(error), shape) from error
    except msgspec.DecodeError as error:
        raise Refusal("the body", str(error), f"JSON: {shape}") from error
    except UnicodeDecodeError as error:
        raise Refusal("the body", "bytes that are no UTF-8", f"JSON in UTF-8: {shape}") from error
    except RecursionError as error:
        raise Refusal("the body", "JSON nested too deeply", shape) from error
