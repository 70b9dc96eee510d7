"""Calls to the API server, and the rules of RBAC that allow them (Kubernetes API: rbac/v1)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

# Before an object of this name exists, RBAC cannot know the name: such a rule holds no names.
UNNAMED = frozenset({"create", "list", "watch", "deletecollection"})


@dataclass(frozen=True, order=True)
class Call:
    """One call, in the words of RBAC.

    Attributes:
        verb: ``get``, ``list``, ``watch``, ``create``, ``update``, ``patch`` or ``delete``.
        group: API group; empty for the core group.
        resource: Plural name, with its subresource: ``pods`` or ``pods/status``.
        namespace: Where.
        name: The object; empty where the call names none.
    """

    verb: str
    group: str
    resource: str
    namespace: str
    name: str = ""


@dataclass(frozen=True, order=True)
class Rule:
    """One rule of a Role: these verbs on this resource of this group."""

    group: str
    resource: str
    verbs: tuple[str, ...]

    def text(self) -> str:
        """As a Role writes it."""
        said = {"apiGroups": [self.group], "resources": [self.resource], "verbs": list(self.verbs)}
        return yaml.safe_dump([said], default_flow_style=None, sort_keys=False).rstrip()


def rules_for(calls: Iterable[Call]) -> tuple[Rule, ...]:
    """The fewest rules that allow these calls: one a resource, in order of group and resource."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call in calls:
        verbs[call.group, call.resource].add(call.verb)
    return tuple(
        Rule(group, resource, tuple(sorted(said)))
        for (group, resource), said in sorted(verbs.items())
    )
