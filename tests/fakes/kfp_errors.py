"""The errors of the fake of KFP's API, in the shape that its gateway gives them.

A gRPC status as JSON (``code``, ``message``, ``details``), as grpc-gateway writes it for the
``UserError`` of KFP's backend/src/common/util/error.go; the two upload paths, which are no gRPC,
answer ``error_message`` and ``error_details`` (pipeline_upload_server.go).
"""

from typing import Any

STATUS = {
    "InvalidArgument": (400, 3),
    "NotFound": (404, 5),
    "AlreadyExists": (409, 6),
    "PermissionDenied": (403, 7),
    "Internal": (500, 13),
    "Unavailable": (503, 14),
    "Unauthenticated": (401, 16),
}


class KfpError(Exception):
    """A request that is refused.

    Args:
        kind: A name of `STATUS`.
        message: What KFP says.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message

    @property
    def http(self) -> int:
        """The HTTP status."""
        return STATUS[self.kind][0]

    @property
    def body(self) -> dict[str, Any]:
        """The body of a gateway's answer."""
        code = STATUS[self.kind][1]
        inner = {"@type": "type.googleapis.com/google.rpc.Status", "code": code}
        details = [{**inner, "message": self.message}]
        return {"code": code, "message": self.message, "details": details}


def invalid(message: str) -> KfpError:
    """400."""
    return KfpError("InvalidArgument", message)


def not_found(kind: str, name: str) -> KfpError:
    """404, as ``NewResourceNotFoundError`` says it."""
    return KfpError("NotFound", f"ResourceNotFoundError: {kind} {name} not found")
