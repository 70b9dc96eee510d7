"""Refusals of an API server (Kubernetes API: meta/v1 Status), in its own words."""

from typing import Any

from components.ops.cluster.protocol import Kind
from tests.fakes import ownership


class StatusError(Exception):
    """A Status that is no success: HTTP code, reason, message, and causes where there are some."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        self.code, self.reason, self.details = code, reason, details
        super().__init__(message)

    def status(self) -> dict[str, Any]:
        """As the API server answers."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def missing(kind: Kind, name: str) -> StatusError:
    """The 404 of an object that is not there."""
    text = f'{_whole(kind)} "{name}" not found'
    return StatusError(404, "NotFound", text, name=name, kind=kind.plural)


def exists(kind: Kind, name: str) -> StatusError:
    """The 409 of a create."""
    text = f'{_whole(kind)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", text, name=name, kind=kind.plural)


def changed_meanwhile(kind: Kind, name: str) -> StatusError:
    """The 409 of a replacement of a version that is no longer the newest."""
    text = (
        f'Operation cannot be fulfilled on {_whole(kind)} "{name}": the object has been modified;'
        " please apply your changes to the latest version and try again"
    )
    return StatusError(409, "Conflict", text, name=name, kind=kind.plural)


def owned_by_others(found: list[tuple[str, ownership.Path]], kind: Kind) -> StatusError:
    """The 409 of an apply that would set another manager's fields otherwise."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{name}" using {kind.api_version}',
            "field": "".join(f".{part}" for part in path),
        }
        for name, path in found
    ]
    said = ", ".join(f"{one['message']}: {one['field']}" for one in causes)
    text = f"Apply failed with {len(causes)} conflict{'s' * (len(causes) > 1)}: {said}"
    return StatusError(409, "Conflict", text, causes=causes)


def not_of_schema(
    kind: Kind, namespace: str, name: str, unknown: list[ownership.Path]
) -> StatusError:
    """The 500, of all codes, of an apply with fields that the schema lacks."""
    fields = ", ".join(f".{'.'.join(path)}: field not declared in schema" for path in unknown)
    what = f"{namespace}/{name}; {kind.api_version}, Kind={kind.kind}"
    return StatusError(500, "", f"failed to create typed patch object ({what}): {fields}")


def strictly_unknown(kind: Kind, unknown: list[ownership.Path]) -> StatusError:
    """The 400 of a create or a replacement with fields that the schema lacks."""
    fields = ", ".join(f'unknown field "{".".join(path)}"' for path in unknown)
    return StatusError(
        400,
        "BadRequest",
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}:'
        f" strict decoding error: {fields}",
    )


def no_rights(user: str, verb: str, kind: Kind, namespace: str, name: str) -> StatusError:
    """The 403, which names the user and the right."""
    text = (
        f'{_whole(kind)}{f" {chr(34)}{name}{chr(34)}" if name else ""} is forbidden: User "{user}"'
        f' cannot {verb} resource "{kind.plural}" in API group "{kind.group}" in the namespace'
        f' "{namespace}"'
    )
    return StatusError(403, "Forbidden", text, name=name, kind=kind.plural)


def _whole(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural
