"""Where a model's files are read from: a folder by URI, a git commit, or a spec's own text."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import yaml

from components.core import storage
from components.core.errors import InputError
from components.core.spec.load import read_mapping
from components.ops.plan.git import fetched

SPEC_FILE = "model.yaml"
TEXT = "the spec's text"
MOST_BYTES = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_SCHEMES = ("file", "s3", "gs")


class ModelFolder(Protocol):
    """Files by name; None where there is no such file."""

    @property
    def where(self) -> str:
        """What to call the folder in errors."""

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """The file's content, refused where it is larger than `most_bytes`."""


@dataclass(frozen=True)
class StoredFolder:
    """A folder at a path or URI."""

    where: str

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """The file's content; None where there is no such file."""
        filesystem, path = storage.resolve(f"{self.where.rstrip('/')}/{name}")
        if not filesystem.isfile(path):
            return None
        if filesystem.size(path) > most_bytes:
            raise InputError(f"{self.where}/{name}", filesystem.size(path), _at_most(most_bytes))
        content: bytes = filesystem.cat_file(path)
        return content


@dataclass(frozen=True)
class SpecText:
    """A spec given as text; the files that it names stand in it under ``files``.

    Attributes:
        contents: Name to content.
        where: What to call the text in errors.
    """

    contents: Mapping[str, bytes]
    where: str = TEXT

    @classmethod
    def of(cls, text: str) -> "SpecText":
        """Parts the text into the spec and its files.

        Raises:
            InputError: It is no YAML, too large, or ``files`` is no mapping of names to texts.
        """
        if len(text) > MOST_BYTES:
            raise InputError(TEXT, len(text), _at_most(MOST_BYTES))
        fields = read_mapping(text, TEXT)
        files = fields.pop("files", {})
        if not isinstance(files, dict) or not all(isinstance(v, str) for v in files.values()):
            raise InputError(f"{TEXT}: files", type(files).__name__, "file names to their texts")
        spec = yaml.safe_dump(fields, sort_keys=False) if files else text
        contents = {str(name): content.encode() for name, content in files.items()}
        return cls({**contents, SPEC_FILE: spec.encode()})

    def find(self, name: str, most_bytes: int) -> bytes | None:
        """The file's content; None where the text has none of this name."""
        return self.contents.get(name)


@contextmanager
def opened(model: str) -> Iterator[ModelFolder]:
    """Makes the files of a model readable for as long as the context lasts.

    Args:
        model: A path, ``file://``, ``s3://`` or ``gs://`` folder,
            ``git+https://host/repository@<commit>#folder``, or the text of a spec.

    Raises:
        InputError: It is none of these, or cannot be read.
    """
    if "\n" in model.strip():
        yield SpecText.of(model)
    elif model.startswith("git+"):
        with fetched(model) as folder:
            yield folder
    else:
        yield StoredFolder(_checked(model))


def read_file(folder: ModelFolder, name: str, do: str) -> bytes:
    """A file of a model's folder.

    Args:
        folder: The model's folder.
        name: The file's name in it; a subfolder is allowed and climbing out is not.
        do: What a person does where it is missing.

    Raises:
        InputError: The name is not a plain one, the file is missing, or it is too large.
    """
    if not _NAME.fullmatch(name):
        raise InputError(folder.where, name, "the name of a file inside the model's folder")
    content = folder.find(name, MOST_BYTES)
    if content is None and folder.where == TEXT:
        do = "Add it to the text under files:, by its name, or give the model's folder instead."
    if content is None:
        raise InputError(
            f"{folder.where}: {name}", "no such file", "a file of the model's folder", do
        )
    return content


def _checked(model: str) -> str:
    scheme, found, _ = model.partition("://")
    if not model.strip() or (found and scheme not in _SCHEMES):
        raise InputError(
            "model",
            model,
            "a path, file://, s3:// or gs:// folder, git+https://host/repository@<commit>#folder, "
            "or the text of a spec",
        )
    if PurePosixPath(model).suffix in {".yaml", ".yml"}:
        raise InputError("model", model, "the folder that the spec is in, not the file itself")
    return model


def _at_most(most_bytes: int) -> str:
    return f"a file of at most {most_bytes >> 20} MiB"
