"""Who set which field: server-side apply, as far as Ratoon's objects need it.

A field is the path to a leaf; a list is one leaf, as lists of a CRD are unless it says otherwise.
A plain write also owns the maps that it adds. Two things are coarser than in a real API server: a
list that the schema calls a map is one leaf here too, and of an empty map that was applied only the
owner is kept, not every consequence.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Path = tuple[str, ...]
Fields = frozenset[Path]

# Nobody owns what names the object, or what the API server writes.
UNOWNED = frozenset(
    {("apiVersion",), ("kind",), ("metadata", "managedFields")}
    | {("metadata", name) for name in ("name", "namespace", "uid", "resourceVersion", "generation")}
    | {("metadata", "creationTimestamp"), ("metadata", "selfLink")}
)


class Manager(NamedTuple):
    """One entry of ``managedFields``."""

    name: str
    operation: str
    subresource: str = ""


Owners = Mapping[Manager, Fields]


def leaves(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field with its value; an empty map is a field."""
    if at in UNOWNED:
        return
    if isinstance(value, Mapping) and (value or not at):
        for key, below in value.items():
            yield from leaves(below, (*at, key))
    else:
        yield at, value


def nodes(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field with its value, and every map on the way with a word for it."""
    if at in UNOWNED:
        return
    if isinstance(value, Mapping):
        if at not in ((), ("metadata",)):
            yield at, "a map"
        for key, below in value.items():
            yield from nodes(below, (*at, key))
    else:
        yield at, value


def conflicts(live: Any, owners: Owners, wanted: Any, manager: Manager) -> list[tuple[str, Path]]:
    """Fields that `wanted` sets otherwise than another manager did: ``(name, path)``."""
    return sorted(
        (other.name, theirs)
        for path, value in leaves(wanted)
        for other, fields in owners.items()
        if other != manager
        for theirs in fields
        if _same_branch(path, theirs) and _differs(live, path, value, theirs)
    )


def _same_branch(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _differs(live: Any, path: Path, value: Any, theirs: Path) -> bool:
    if value == {} and len(path) <= len(theirs):
        return False
    if len(path) > len(theirs):
        above = at(live, theirs)
        return above is not None and not isinstance(above, Mapping)
    return at(live, path) != value


def applied(
    live: Mapping[str, Any], owners: Owners, wanted: Mapping[str, Any], manager: Manager
) -> tuple[dict[str, Any], dict[Manager, Fields]]:
    """Object and owners after an apply: what `manager` left out and nobody else owns goes."""
    fields = frozenset(path for path, _ in leaves(wanted))
    others = {other: owned for other, owned in owners.items() if other != manager}
    kept = frozenset().union(*others.values(), fields)
    after = copy.deepcopy(dict(live))
    for path in owners.get(manager, frozenset()) - fields:
        if not any(other[: len(path)] == path for other in kept):
            _remove(after, path, kept)
    for path, value in leaves(wanted):
        _put(after, path, copy.deepcopy(value))
    return after, {**others, manager: fields}


def updated(
    live: Mapping[str, Any], owners: Owners, after: Mapping[str, Any], manager: Manager
) -> dict[Manager, Fields]:
    """The owners after a plain write: who changes a field owns it alone, who drops it frees it."""
    before, now = dict(nodes(live)), dict(nodes(after))
    changed = frozenset(path for path in now if path not in before or before[path] != now[path])
    kept = {
        other: frozenset(path for path in owned if path in now and path not in changed)
        for other, owned in owners.items()
    }
    mine = kept.get(manager, frozenset()) | changed
    return {other: owned for other, owned in {**kept, manager: mine}.items() if owned}


def at(value: Any, path: Path) -> Any:
    """What stands at a path; None: nothing."""
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _put(value: dict[str, Any], path: Path, leaf: Any) -> None:
    for key in path[:-1]:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        value = value[key]
    if leaf != {} or not isinstance(value.get(path[-1]), dict):
        value[path[-1]] = leaf


def _remove(value: dict[str, Any], path: Path, kept: Fields) -> None:
    """Takes a field away, and the maps that it leaves empty, but for those that somebody owns."""
    parents = [value]
    for key in path[:-1]:
        below = parents[-1].get(key)
        if not isinstance(below, dict):
            return
        parents.append(below)
    parents[-1].pop(path[-1], None)
    for depth in range(len(path) - 1, 0, -1):
        if parents[depth] or path[:depth] in kept:
            return
        parents[depth - 1].pop(path[depth - 1], None)


def managed_fields(owners: Owners) -> list[dict[str, Any]]:
    """As ``metadata.managedFields`` writes it."""
    return [
        {
            "manager": by.name,
            "operation": by.operation,
            **({"subresource": by.subresource} if by.subresource else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(fields),
        }
        for by, fields in sorted(owners.items())
        if fields
    ]


def _tree(fields: Fields) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        below = tree
        for part in path:
            below = below.setdefault(f"f:{part}", {})
        if any(len(other) > len(path) and other[: len(path)] == path for other in fields):
            below["."] = {}
    return tree
