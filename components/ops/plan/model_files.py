"""A model's spec, and the files that it names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.core.behaviour import load_behaviour
from components.core.errors import InputError
from components.core.spec import Spec, load_spec
from components.core.spec.load import merge, read_mapping
from components.ops.plan.folder import SPEC_FILE, TEXT, ModelFolder, open_source, read_file
from components.ops.plan.signature import Signature, column_kinds, resolve_signature


@dataclass(frozen=True)
class ModelFiles:
    """A spec, with overlay and target applied, and the files that a run carries along.

    Attributes:
        given: The spec's fields as written, with the overlay's merged in.
        files: Name to content: the spec as written, and what it names once that was read.
        where: What to call the folder in errors.
    """

    spec: Spec
    given: Mapping[str, Any]
    files: Mapping[str, bytes]
    where: str

    @property
    def schema(self) -> str:
        """The text of the schema."""
        return self.files[self.spec.schema_file].decode("utf-8", errors="replace")

    def signature(self) -> Signature:
        """The columns and features, resolved with the schema.

        Raises:
            InputError: The schema cannot be used, or does not fit the spec.
        """
        where = f"{self.where}/{self.spec.schema_file}"
        return resolve_signature(self.spec, column_kinds(self.schema, where))


def load_model(model: str, overlay: str = "", target: str = "") -> ModelFiles:
    """Reads the spec of a model, given as for `open_source`, and every file that it names.

    `overlay` is a file of the folder, or a path on this machine; `target` goes before that of the
    spec; empty texts are for none.

    Raises:
        InputError: The spec or a file that it names is missing or cannot be used.
    """
    with open_source(model) as folder:
        return read_model_files(folder, read_spec(folder, overlay, target))


def load_spec_of(model: str, overlay: str = "", target: str = "") -> Spec:
    """Reads the spec of a model alone; arguments and errors as for `load_model`."""
    with open_source(model) as folder:
        return read_spec(folder, overlay, target).spec


def read_spec(folder: ModelFolder, overlay: str = "", target: str = "") -> ModelFiles:
    """Reads a model's spec alone; the arguments are those of `load_model`.

    Raises:
        InputError: There is none, or it cannot be used.
    """
    content = read_file(folder, SPEC_FILE, "A model's folder holds its spec by this name.")
    where = folder.where if folder.where == TEXT else f"{folder.where.rstrip('/')}/{SPEC_FILE}"
    text, over = _text(content, where), _overlay(folder, overlay) if overlay else None
    spec = load_spec(text, over, where)
    given = read_mapping(text, where)
    if over is not None:
        given = merge(given, read_mapping(over, overlay))
    spec = _with_target(spec, target) if target else spec
    return ModelFiles(spec, given, {SPEC_FILE: content}, folder.where)


def read_model_files(folder: ModelFolder, written: ModelFiles) -> ModelFiles:
    """Reads the files that a spec names, and checks the behaviour tests.

    Raises:
        InputError: One is missing or too large, or the behaviour tests cannot be used.
    """
    tests, module = written.spec.gates.behaviour, written.spec.model.module
    infer = f"Run `ratoon schema infer {folder.where} --write`, review and commit what it writes."
    named = {}
    for name, do in (
        (written.spec.schema_file, infer),
        (tests, "gates.behaviour names it."),
        (module, "model.module names it."),
    ):
        if name:
            named[name] = read_file(folder, name, do)
    if tests:  # evaluate reads them too, but only when a model has been trained
        where = f"{folder.where}/{tests}"
        load_behaviour(_text(named[tests], where), where)
    return replace(written, files={**written.files, **named})


def _with_target(spec: Spec, target: str) -> Spec:
    try:
        changed = {**spec.serving.model_dump(by_alias=True), "target": target}
        serving = type(spec.serving).model_validate(changed)
    except ValidationError as error:
        accepted = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError("target", target, accepted) from error
    return spec.model_copy(update={"serving": serving})


def _overlay(folder: ModelFolder, overlay: str) -> str:
    do = "An overlay is a file of the model's folder, or a path on this machine."
    try:
        return _text(read_file(folder, overlay, do), overlay)
    except InputError:
        path = Path(overlay)
        if ".." in path.parts or not path.is_file():
            raise
        return _text(path.read_bytes(), overlay)


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(where, "bytes that are not UTF-8", "UTF-8 text") from error
