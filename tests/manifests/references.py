"""What objects name that must be there: Secrets, ConfigMaps, claims."""

from collections.abc import Iterator
from typing import Any

from tests.manifests.kustomize import Object

# The last two keys of a path that names an object, and the kind that it names.
_FIELDS = {
    ("secretRef", "name"): "Secret",
    ("secretKeyRef", "name"): "Secret",
    ("secret", "secretName"): "Secret",
    ("secrets", "name"): "Secret",
    ("configMapRef", "name"): "ConfigMap",
    ("configMapKeyRef", "name"): "ConfigMap",
    ("configMap", "name"): "ConfigMap",
    ("persistentVolumeClaim", "claimName"): "PersistentVolumeClaim",
}
_BY_RULE = {"secrets": "Secret", "configmaps": "ConfigMap"}


def references(objects: list[Object]) -> Iterator[tuple[str, str]]:
    """Every Secret, ConfigMap and claim that is named anywhere: its kind and its name."""
    for one in objects:
        for path, value in leaves(one):
            if path[-2:] in _FIELDS:
                yield _FIELDS[path[-2:]], value
        if one["kind"] == "Role":
            for rule in one["rules"]:
                for resource in _BY_RULE.keys() & set(rule["resources"]):
                    yield from ((_BY_RULE[resource], n) for n in rule.get("resourceNames", ()))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no mapping, with the keys that lead to it; lists are looked into."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for below in value:
            yield from leaves(below, path)
    else:
        yield path, value
