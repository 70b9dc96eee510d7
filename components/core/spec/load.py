"""From YAML text to a Spec, with errors that name the line's path and the nearest known word."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from components.core.errors import InputError
from components.core.spec.spec import Spec


def load_spec(text: str, overlay: str | None = None, where: str = "model.yaml") -> Spec:
    """Reads and checks a spec.

    Args:
        text: The spec as YAML.
        overlay: The few fields that differ in an environment, as YAML of the same shape.
        where: What to call the text in errors.

    Raises:
        InputError: The text is no YAML, or not a spec; every problem is named.
    """
    fields = read_mapping(text, where)
    if overlay is not None:
        fields = merge(fields, read_mapping(overlay, f"{where} overlay"))
    try:
        return Spec.model_validate(fields)
    except ValidationError as error:
        raise _input_error(error, where) from error


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key that stands twice is an error.

    A date stays text, and only true and false are booleans (YAML 1.2), so that `on` is a word.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping, refusing a key that stands twice."""
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1 and key != "<<":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


_REPLACED = ("bool", "timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.split(":")[-1] not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def read_mapping(text: str, where: str) -> dict[str, Any]:
    """Safe-loads YAML that must be a mapping.

    Raises:
        InputError: It is not.
    """
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise InputError(where, _first_line(str(error)), "YAML", "Mend the line named.") from error
    if not isinstance(value, dict):
        raise InputError(where, type(value).__name__, "a YAML mapping of fields")
    return value


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Puts an overlay's fields over a base's; mappings merge and all else replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _input_error(error: ValidationError, where: str) -> InputError:
    problems = error.errors(include_url=False)
    sentences = list(dict.fromkeys(_sentence(p) for p in problems))
    first = problems[0]
    given = first["input"] if _is_short(first["input"]) else "a mapping"
    return InputError(
        f"{where}: {_path(first['loc'])}" if first["loc"] else where,
        given,
        _accepted(first),
        " ".join(f"Also: {s}." for s in sentences[1:]),
    )


def _is_short(value: object) -> bool:
    return isinstance(value, str | int | float | bool) or value is None


def _path(loc: tuple[int | str, ...]) -> str:
    return re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in loc))


def _sentence(problem: Mapping[str, Any]) -> str:
    return f"{_path(problem['loc'])}: {_accepted(problem)}"


def _accepted(problem: Mapping[str, Any]) -> str:
    if problem["type"] != "extra_forbidden":
        return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    word, known = str(problem["loc"][-1]), _known_words(problem["loc"][:-1])
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{word!r} is not a field here; {hint}known: {', '.join(known)}"


def _known_words(loc: tuple[int | str, ...]) -> list[str]:
    """The fields of the part at a place, found by walking the models' own annotations."""
    model: object = Spec
    for step in loc:
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(step, str):
            fields = {f.alias or n: f.annotation for n, f in model.model_fields.items()}
            model = fields.get(step)
        else:
            model = _inner_model(model)
    part = model if isinstance(model, type) else _inner_model(model)
    if not (isinstance(part, type) and issubclass(part, BaseModel)):
        return []
    return sorted(f.alias or n for n, f in part.model_fields.items())


def _inner_model(annotation: object) -> object:
    """The pydantic model inside a container or a union."""
    for argument in getattr(annotation, "__args__", ()):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
        if inner := _inner_model(argument):
            return inner
    return None


def _first_line(text: str) -> str:
    return " ".join(text.split())[:300]
