"""Roles, flattened: which service account may do what."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import yaml

from tests.manifests.kustomize import Object

NEEDED = Path(__file__).with_name("needed_rights.yaml")


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural name, with its subresource.
        verb: The verb.
        names: The objects that it is bound to; none: every object of the namespace.
    """

    group: str
    resource: str
    verb: str
    names: tuple[str, ...] = ()


def granted(objects: Iterable[Object]) -> dict[str, frozenset[Right]]:
    """What the roles and bindings of a namespace give to each of its service accounts."""
    listed = list(objects)
    roles = {o["metadata"]["name"]: o["rules"] for o in listed if o["kind"] == "Role"}
    rights: dict[str, set[Right]] = {
        o["metadata"]["name"]: set() for o in listed if o["kind"] == "ServiceAccount"
    }
    for binding in (o for o in listed if o["kind"] == "RoleBinding"):
        for subject in binding["subjects"]:
            rights[subject["name"]] |= set(_flat(roles[binding["roleRef"]["name"]]))
    return {account: frozenset(given) for account, given in rights.items()}


def needed() -> dict[str, frozenset[Right]]:
    """What each service account needs, as the table beside this file says it."""
    accounts = _table()["accounts"]
    return {
        account: frozenset().union(*(needed_by(part) for part in parts))
        for account, parts in accounts.items()
    }


def needed_by(part: str) -> frozenset[Right]:
    """What one part of that table says: ``step`` is Kubeflow's own machinery, the others ours."""
    return frozenset(_said(_table()["parts"][part]))


def _table() -> Object:
    found: Object = yaml.safe_load(NEEDED.read_text(encoding="utf-8"))
    return found


def _flat(rules: Iterable[Object]) -> Iterable[Right]:
    for rule in rules:
        names = tuple(rule.get("resourceNames", ()))
        for found in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
            yield Right(*found, names)


def _said(lines: Iterable[Object]) -> Iterable[Right]:
    for line in lines:
        for verb in line["verbs"]:
            yield Right(line.get("group", ""), line["resource"], verb, tuple(line.get("names", ())))
