"""What a refusal of the API server means (Kubernetes API: meta/v1 Status), in words to act on."""

import re
from collections.abc import Mapping
from typing import Any

from components.core.errors import ApiRejected
from components.ops.cluster.protocol import AlreadyThere, Conflict, Forbidden
from components.ops.cluster.rights import Call, Rule

USER = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>[a-z]+) resource')
SERVICE_ACCOUNT = re.compile(r"^system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)$")
OWNER = re.compile(r'conflict with "(?P<manager>[^"]*)"')

Status = Mapping[str, Any]


def refusal(code: int, status: Status, call: Call) -> ApiRejected:
    """The error that says what was refused, why, and what to do.

    Args:
        code: HTTP status of a refusal.
        status: The body: a Status object, or ``{"message": text}`` where it is none.
        call: What was asked.
    """
    if code == 403:
        return _forbidden(status, call)
    if code == 409:
        return _conflict(status, call)
    if code == 404:
        return _unknown(status, call)
    if code == 401:
        return ApiRejected(
            f"{_asked(call)}: the API server does not know our token, also when it was read again."
            " Check that the service account exists and that its token is mounted."
        )
    return ApiRejected(f"{_asked(call)}: refused by the API server ({code}): {_said(status)}")


def is_missing_object(status: Status, call: Call) -> bool:
    """Whether a 404 says that this object is not there, rather than its kind or its namespace."""
    details = status.get("details") or {}
    return (
        status.get("reason") == "NotFound"
        and details.get("name") == call.name
        and details.get("kind") in (None, call.resource.split("/")[0])
    )


def _forbidden(status: Status, call: Call) -> Forbidden:
    found = USER.search(_said(status))
    verb = found["verb"] if found else call.verb
    rule = Rule(call.group, call.resource, (verb,)).text()
    return Forbidden(
        f"{_asked(call)}: {_who(found['user'] if found else '')} may not {verb} {call.resource}"
        f" in namespace {call.namespace!r}. The rule that is missing in a Role there:\n{rule}\n"
        f"The API server said: {_said(status)}"
    )


def _who(user: str) -> str:
    account = SERVICE_ACCOUNT.match(user)
    if account:
        return f"service account {account['name']!r} of namespace {account['namespace']!r}"
    return f"user {user!r}" if user else "our service account"


def _conflict(status: Status, call: Call) -> ApiRejected:
    if status.get("reason") == "AlreadyExists":
        return AlreadyThere(f"{_asked(call)}: there is one of this name: {_said(status)}")
    causes = (status.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        fields = "; ".join(sorted(f"{cause.get('field')} ({_owner(cause)})" for cause in owned))
        return Conflict(
            f"{_asked(call)}: other managers own fields that we set otherwise: {fields}."
            " Let one side own them: take them out there, or give them up."
        )
    return Conflict(f"{_asked(call)}: it changed meanwhile; read it again: {_said(status)}")


def _owner(cause: Mapping[str, Any]) -> str:
    found = OWNER.search(str(cause.get("message")))
    return f"owned by {found['manager']!r}" if found else str(cause.get("message"))


def _unknown(status: Status, call: Call) -> ApiRejected:
    if status.get("reason") != "NotFound" or not (status.get("details") or {}).get("name"):
        whole = f"{call.resource}.{call.group}" if call.group else call.resource
        return ApiRejected(
            f"{_asked(call)}: the cluster does not know this kind. Install the"
            f" CustomResourceDefinition {whole!r} in the version that we ask for."
        )
    details = status["details"]
    if details.get("kind") == "namespaces":
        return ApiRejected(
            f"{_asked(call)}: there is no namespace {call.namespace!r}; make it first."
        )
    return Conflict(f"{_asked(call)}: it is gone: {_said(status)}")


def _said(status: Status) -> str:
    return str(status.get("message") or "nothing more was said")


def _asked(call: Call) -> str:
    where = f"{call.namespace}/{call.name}" if call.name else call.namespace
    return f"{call.verb} {call.resource} {where}"
