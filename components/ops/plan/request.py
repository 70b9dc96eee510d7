"""What a plan is asked for, read into a spec and the files that belong to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from components.core.errors import InputError
from components.core.spec import Spec, load_spec
from components.ops.plan.folder import SPEC_FILE, ModelFolder, read_file

_RUN_SCHEMA = "Run `make schema` for the model and commit what it writes."


@dataclass(frozen=True)
class ModelFiles:
    """A spec and the files of its folder that a run carries along.

    Attributes:
        spec: The spec, with overlay and target applied.
        files: Name to content: the spec as written, the schema, and what the spec names.
        where: What to call the folder in errors.
    """

    spec: Spec
    files: Mapping[str, bytes]
    where: str

    @property
    def schema(self) -> str:
        """The text of the schema."""
        return self.files[self.spec.schema_file].decode("utf-8", errors="replace")


def read_model(folder: ModelFolder, overlay: str, target: str) -> ModelFiles:
    """Reads a model's spec and the files that it names.

    Args:
        folder: The model's folder.
        overlay: A file of the folder, or a path on this machine; empty for none.
        target: Instead of the spec's ``serving.target``; empty for the spec's.

    Raises:
        InputError: A file is missing, or the spec is not one.
    """
    spec_bytes = read_file(folder, SPEC_FILE, "A model's folder holds its spec by this name.")
    over = _overlay(folder, overlay) if overlay else None
    where = f"{folder.where}/{SPEC_FILE}".replace("//" + SPEC_FILE, "/" + SPEC_FILE)
    spec = load_spec(_text(spec_bytes, where), over, where)
    if target:
        spec = with_target(spec, target)
    files = {SPEC_FILE: spec_bytes} | {n: read_file(folder, n, do) for n, do in _named(spec)}
    return ModelFiles(spec, files, folder.where)


def with_target(spec: Spec, target: str) -> Spec:
    """The spec with another place to serve at.

    Raises:
        InputError: The target is none that a spec could have.
    """
    try:
        changed = {**spec.serving.model_dump(by_alias=True), "target": target}
        serving = type(spec.serving).model_validate(changed)
    except ValidationError as error:
        accepted = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError("target", target, accepted) from error
    return spec.model_copy(update={"serving": serving})


def _named(spec: Spec) -> list[tuple[str, str]]:
    """The files that a spec names, with what a person does where one is missing."""
    given = [
        (spec.gates.behaviour, "gates.behaviour names it."),
        (spec.model.module, "model.module names it."),
    ]
    return [(spec.schema_file, _RUN_SCHEMA), *((n, do) for n, do in given if n)]


def _overlay(folder: ModelFolder, overlay: str) -> str:
    path = Path(overlay)
    if path.is_file() and ".." not in path.parts:
        return _text(path.read_bytes(), overlay)
    do = "An overlay is a file of the model's folder, or a path on this machine."
    return _text(read_file(folder, overlay, do), overlay)


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(where, "bytes that are no UTF-8", "UTF-8 text") from error
