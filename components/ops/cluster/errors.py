"""Rejections by the API server (Kubernetes API: meta/v1 Status) as errors that say what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from components.core.errors import ApiRejected
from components.ops.cluster.protocol import AlreadyExists, Conflict, Forbidden

USER = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>[a-z]+) resource')
SERVICE_ACCOUNT = re.compile(r"^system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)$")
OWNER = re.compile(r'conflict with "(?P<manager>[^"]*)"')

Status = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class ApiCall:
    """One call, in the terms of RBAC.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural name, with its subresource: ``pods`` or ``pods/status``.
    """

    verb: str
    group: str
    resource: str
    namespace: str
    name: str = ""

    def __str__(self) -> str:
        """``update configmaps prod/flights-ratoon``."""
        where = f"{self.namespace}/{self.name}" if self.name else self.namespace
        return f"{self.verb} {self.resource} {where}"


@dataclass(frozen=True, order=True)
class RbacRule:
    """One rule of a Role: these verbs on this resource of this group."""

    group: str
    resource: str
    verbs: tuple[str, ...]

    def text(self) -> str:
        """The rule as YAML, as a Role writes it."""
        rule = {"apiGroups": [self.group], "resources": [self.resource], "verbs": list(self.verbs)}
        return yaml.safe_dump([rule], default_flow_style=None, sort_keys=False).rstrip()


def api_error(code: int, status: Status, call: ApiCall) -> ApiRejected:
    """The error for a rejected call: what was rejected, why, and what to do."""
    known = {403: _forbidden, 404: _not_found, 409: _conflict}.get(code)
    if known:
        return known(status, call)
    if code == 401:
        return ApiRejected(
            f"{call}: the API server does not know our token, also when it was read again."
            " Check that the service account exists and that its token is mounted."
        )
    return ApiRejected(f"{call}: refused by the API server ({code}): {_message(status)}")


def is_missing_object(status: Status, call: ApiCall) -> bool:
    """Whether a 404 means that the object is missing, not its kind or namespace."""
    details = status.get("details") or {}
    return (
        status.get("reason") == "NotFound"
        and details.get("name") == call.name
        and details.get("kind") in (None, call.resource.split("/")[0])
    )


def _forbidden(status: Status, call: ApiCall) -> Forbidden:
    found = USER.search(_message(status))
    verb = found["verb"] if found else call.verb
    rule = RbacRule(call.group, call.resource, (verb,)).text()
    who = f"user {found['user']!r}" if found and found["user"] else "our service account"
    account = SERVICE_ACCOUNT.match(found["user"]) if found else None
    if account:
        who = f"service account {account['name']!r} of namespace {account['namespace']!r}"
    return Forbidden(
        f"{call}: {who} may not {verb} {call.resource} in namespace {call.namespace!r}."
        f" The rule that is missing in a Role there:\n{rule}\n"
        f"The API server said: {_message(status)}"
    )


def _conflict(status: Status, call: ApiCall) -> ApiRejected:
    if status.get("reason") == "AlreadyExists":
        return AlreadyExists(f"{call}: there is one of this name: {_message(status)}")
    causes = (status.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        fields = "; ".join(sorted(f"{cause.get('field')} ({_owner(cause)})" for cause in owned))
        return Conflict(
            f"{call}: other managers own fields that we set to other values: {fields}."
            " Let one side own them: remove them there, or give them up here."
        )
    return Conflict(f"{call}: it changed meanwhile; read it again: {_message(status)}")


def _owner(cause: Mapping[str, Any]) -> str:
    found = OWNER.search(str(cause.get("message")))
    return f"owned by {found['manager']!r}" if found else str(cause.get("message"))


def _not_found(status: Status, call: ApiCall) -> ApiRejected:
    details = status.get("details") or {}
    if status.get("reason") != "NotFound" or not details.get("name"):
        crd = f"{call.resource}.{call.group}" if call.group else call.resource
        return ApiRejected(
            f"{call}: the cluster does not know this kind. Install the"
            f" CustomResourceDefinition {crd!r} in the version that we ask for."
        )
    if details.get("kind") == "namespaces":
        return ApiRejected(f"{call}: there is no namespace {call.namespace!r}; create it first.")
    return Conflict(f"{call}: it is gone: {_message(status)}")


def _message(status: Status) -> str:
    return str(status.get("message") or "nothing more was said")
