"""Every default that a spec accepts without saying so."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.core.spec import Spec, SpecModel


def accepted_defaults(spec: Spec, given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a person accepted by not writing it.

    Args:
        spec: The spec.
        given: Its fields as written, overlay applied.

    Returns:
        Place and value, in the spec's order; the parts of a list share one place (``features[]``),
        with the number of parts that accepted the value; what they do not have
        at all is left out.
    """
    counted: dict[tuple[str, str], int] = {}
    for found in _left_out(spec, given, ""):
        counted[found] = counted.get(found, 0) + 1
    return tuple(
        (place, f"{value} ({times} of them)" if "[]" in place else value)
        for (place, value), times in counted.items()
    )


def _left_out(part: SpecModel, given: object, place: str) -> Iterator[tuple[str, str]]:
    written = _written(part, given)
    plain = part.model_dump(mode="json", by_alias=True)
    for field, info in type(part).model_fields.items():
        name, value = info.alias or field, getattr(part, field)
        here = f"{place}.{name}" if place else name
        if name in written:
            yield from _inside(value, written[name], here)
        elif isinstance(value, SpecModel):
            yield from _left_out(value, {}, here)
        elif value is not None or "[]" not in here:
            yield here, _shown(plain[name])


def _inside(value: object, given: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SpecModel):
        yield from _left_out(value, given, place)
    elif isinstance(value, tuple) and isinstance(given, list):
        for part, fields in zip(value, given, strict=False):
            yield from _inside(part, fields, f"{place}[]")
    elif isinstance(value, Mapping) and isinstance(given, Mapping):
        for name, part in value.items():
            yield from _inside(part, given.get(name), f"{place}.{name}")


def _written(part: SpecModel, given: object) -> Mapping[str, Any]:
    """The fields as written; a short form, such as a list, stands for those that it set."""
    if isinstance(given, Mapping):
        return given
    return dict.fromkeys(part.model_fields_set)


def _shown(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_shown(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value)
    return str(value)
