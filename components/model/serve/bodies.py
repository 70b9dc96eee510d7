"""Request bodies of the ASGI protocol: read with a bound, and given on as read."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from components.model.serve.refusal import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Disconnected(Exception):
    """The client went away before its request was whole: nobody waits for an answer."""


async def read_body(receive: Receive, declared: bytes | None, most_bytes: int) -> bytes:
    """Reads a whole body.

    Args:
        receive: The request's messages.
        declared: The header ``content-length``; None: the client does not say.
        most_bytes: The longest that is accepted.

    Raises:
        Refusal: It is longer.
        Disconnected: It never became whole.
    """
    if declared is not None and declared.isdigit() and int(declared) > most_bytes:
        raise _too_long(f"{int(declared)} bytes", most_bytes)
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most_bytes:
            raise _too_long(f"over {most_bytes} bytes", most_bytes)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """The messages of a request whose body was read already."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _too_long(given: str, most_bytes: int) -> Refusal:
    do = "Send several requests."
    return Refusal("the body", given, f"at most {most_bytes} bytes", do, 413)
