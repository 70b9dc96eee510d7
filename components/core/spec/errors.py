"""What is wrong with a file of a model, in the words of the person who wrote it."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from components.core.errors import InputError

Path = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text; put it in quotes if it looks like a number",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "invalid_key": "a word",
}


class Words(str):
    """A description, which an error shows without quotes."""

    __repr__ = str.__str__


@dataclass(frozen=True)
class _Problem:
    """One thing that is wrong."""

    path: Path
    given: object
    accepted: str
    do: str = ""
    shallow: bool = False


def parse_fields(
    model: type[Model],
    fields: Mapping[str, Any],
    where: str,
    retired: Mapping[str, str | None] = MappingProxyType({}),
) -> Model:
    """Makes a model of the fields that a person wrote.

    Args:
        model: What the fields are to be.
        fields: The fields as written.
        where: What to call the file.
        retired: Paths of retired words (``*`` stands for a name that the writer chose) to the new
            word; None if the field was removed.

    Raises:
        InputError: The fields are not such a model; every problem is named.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        found = _Explainer(fields, model, retired).all(error.errors(include_url=False))
        first, *others = _merged(found)
        also = [
            f"Also {_path(p.path) or 'at the top'}: given {p.given!r}; "
            f"accepted: {p.accepted}. {p.do}".strip()
            for p in others
        ]
        place = f"{where}: {_path(first.path)}" if first.path else where
        do = " ".join([first.do, *also]).strip()
        raise InputError(place, first.given, first.accepted, do) from error


def shown_value(value: object) -> object:
    """A value as an error shows it: itself where it is short, else what it is."""
    if value is None:
        return Words("nothing")
    if isinstance(value, str | int | float | bool) or value in ([], {}):
        return value
    return Words("a list" if isinstance(value, list | tuple) else "a mapping")


@dataclass(frozen=True)
class _Explainer:
    """What the writer knows: the fields as written, the model's words and the retired ones."""

    fields: Mapping[str, Any]
    model: type[BaseModel]
    retired: Mapping[str, str | None]

    def all(self, found: Sequence[Mapping[str, Any]]) -> list[_Problem]:
        """Every problem, without the new word that is missing where the retired one stands."""
        problems = [self.problem(one) for one in found]
        renamed = {(*p.path[:-1], new) for p in problems if (new := self.new_word(p.path))}
        return [p for p in problems if p.path not in renamed]

    def problem(self, found: Mapping[str, Any]) -> _Problem:
        """One problem in words."""
        kind, given = found["type"], found["input"]
        path = _written_path(found["loc"], self.fields, kind)
        if kind == "field_error":
            context = found["ctx"]
            at = (*path, *str(context["at"]).split("."))
            return _Problem(at, Words(context["given"]), context["accepted"], context["do"])
        if kind == "extra_forbidden":
            return self.unknown_word(path)
        if kind == "missing":
            field = _fields_at(self.model, path[:-1]).get(str(path[-1]))
            described = f" ({field.description.rstrip('.')})" if field and field.description else ""
            return _Problem(path, Words("nothing"), f"a value{described}")
        if kind in ("literal_error", "enum"):
            return _other_word(path, given, str(found["ctx"]["expected"]))
        shallow = kind.endswith("_type")
        return _Problem(path, shown_value(given), self.accepted(found, path), shallow=shallow)

    def unknown_word(self, path: Path) -> _Problem:
        """A word that the model does not have, or no longer has."""
        word, known = str(path[-1]), sorted(_fields_at(self.model, path[:-1]))
        one_of = f"one of {', '.join(known)}"
        if self.retired_path(path) is None:
            return _Problem(path[:-1], word, one_of, _nearest(word, known))
        new, given = self.new_word(path), Words(f"{word!r}, a word that is retired")
        if new is None:
            return _Problem(path, given, one_of, f"Remove {word}.")
        return _Problem(path, given, new, f"Write {new!r} in its place.")

    def new_word(self, path: Path) -> str | None:
        """The word that took a retired one's place; None if there is none."""
        return self.retired.get(self.retired_path(path) or "")

    def retired_path(self, path: Path) -> str | None:
        """The key of a retired word, without the indices of lists; None if it is not retired."""
        words = ".".join(step for step in path if isinstance(step, str))
        return next((old for old in self.retired if fnmatchcase(words, old)), None)

    def accepted(self, found: Mapping[str, Any], path: Path) -> str:
        """What would be accepted."""
        kind = str(found["type"])
        if kind in ("model_type", "model_attributes_type"):
            return f"a mapping with {', '.join(sorted(_fields_at(self.model, path)))}"
        if kind == "too_short":
            return "at least one"
        plain = _KINDS.get(re.sub("_(type|parsing|from_float)$", "", kind))
        message = str(found["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
        return plain or message.rstrip(".")


def _other_word(path: Path, given: object, expected: str) -> _Problem:
    near = _nearest(str(given), re.findall(r"'([^']+)'", expected))
    return _Problem(path, shown_value(given), expected, near, shallow=True)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else ""


def _merged(problems: Sequence[_Problem]) -> list[_Problem]:
    """One problem a place; where a union's members all refuse, what any would accept."""
    places: dict[Path, _Problem] = {}
    for problem in problems:
        if problem.shallow and any(_is_inside(p.path, problem.path) for p in problems):
            continue
        old = places.get(problem.path)
        if old is None or old == problem:
            places[problem.path] = problem
        elif (old.shallow and problem.shallow) or old.given == problem.given:
            both = f"{old.accepted}, or {problem.accepted}"
            places[problem.path] = _Problem(old.path, old.given, both, old.do or problem.do)
        else:
            places[(*problem.path, problem.accepted)] = problem
    return list(places.values())


def _is_inside(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _path(path: Path) -> str:
    return re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in path))


def _written_path(loc: Path, fields: object, kind: str) -> Path:
    """The place as the person wrote it: without the names of a union's members."""
    path: list[int | str] = []
    for index, step in enumerate(loc):
        inside = isinstance(fields, Mapping) and step in fields
        item = isinstance(fields, list) and isinstance(step, int) and step < len(fields)
        if inside or item:
            fields = fields[step]  # type: ignore[index]
            path.append(step)
        elif kind == "missing" and index == len(loc) - 1:
            path.append(step)
    return tuple(path)


def _fields_at(root: type[BaseModel], path: Path) -> dict[str, FieldInfo]:
    """The fields of the part at a place, found by walking the models' own annotations."""
    model: object = root
    for step in path:
        if isinstance(model, type) and issubclass(model, BaseModel) and isinstance(step, str):
            field = _by_alias(model).get(step)
            model = field.annotation if field else None
        else:
            model = _inner_model(model)
    part = _inner_model(model)
    return _by_alias(part) if part else {}


def _by_alias(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _inner_model(annotation: object) -> type[BaseModel] | None:
    """The pydantic model that an annotation is, or that its container or union holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = map(_inner_model, getattr(annotation, "__args__", ()))
    return next(filter(None, inner), None)
