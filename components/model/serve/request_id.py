"""The name of a request: the client's own, or one of ours."""

import uuid

from components.model.serve.refusal import Refusal

_LONGEST = 128


def request_id_of(given: object) -> str:
    """The id that a client gave, or a new one where it gave none.

    Raises:
        Refusal: It is no printable text of at most 128 characters.
    """
    if given is None or given == "":
        return uuid.uuid4().hex
    if not isinstance(given, str) or len(given) > _LONGEST or not given.isprintable():
        accepted = f"printable text of at most {_LONGEST} characters"
        raise Refusal("the request's id", "something else", accepted)
    return given
