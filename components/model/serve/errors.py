"""What a client is told when its request cannot be answered.

`InvalidInput` is for the client to mend: a 4xx status and one sentence that says where, what was
given and what is accepted. `InferenceError`, of the SavedModel, is not: status 500. An error quotes
at most a line of what the client sent.
"""

from components.core.errors import InputError

_MAX_QUOTED = 60


class InvalidInput(InputError):
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


def abbreviate(value: object) -> object:
    """A JSON value as an error may quote it: never longer than a line."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_QUOTED else value[:_MAX_QUOTED] + "…"
    if isinstance(value, int) and value.bit_length() >= 200:
        return "a very large integer"
    if isinstance(value, int | float | None):
        return value
    return f"a JSON {'object' if isinstance(value, dict) else 'array'}"
