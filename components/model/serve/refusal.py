"""What a request is told when it cannot be answered."""

from components.core.errors import InputError, RunError

_SHOWN = 60


class Refusal(InputError):
    """A request that the client must change.

    Args:
        where: The place in the request, such as ``column temp, row 3``.
        given: What stands there, already short.
        accepted: What would be accepted.
        do: What to do next; may be empty.
        status: The HTTP status, 400 to 499.
    """

    def __init__(
        self, where: str, given: object, accepted: str, do: str = "", status: int = 400
    ) -> None:
        super().__init__(where, given, accepted, do)
        self.status = status


class NetworkFailed(RunError):
    """The model could not answer, and the request is not to blame."""


def shown(value: object) -> object:
    """A value as an answer may quote it: never longer than a line."""
    if isinstance(value, str):
        return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    if isinstance(value, int | float | None):
        text = repr(value) if not isinstance(value, int) or value.bit_length() < 200 else ""
        return value if text else "a very large integer"
    return f"a JSON {'object' if isinstance(value, dict) else 'array'}"
