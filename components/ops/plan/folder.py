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
from components.ops.git.address import parse_address
from components.ops.git.command import GitError, repository_for
from components.ops.git.objects import Tree

SPEC_FILE = "model.yaml"
TEXT = "the spec's text"
MAX_BYTES = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_SCHEMES = ("file", "s3", "gs")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ACCEPTED = "git+https://host/repository@<the full 40 digits of a commit>#folder"
_DO = "A branch or a short commit may move."


class ModelFolder(Protocol):
    """The files of a model, by name."""

    @property
    def where(self) -> str:
        """What to call the folder in errors."""

    def find(self, name: str, max_bytes: int) -> bytes | None:
        """The file's content; None if there is no such file, an error if it is too large."""

    def names(self) -> tuple[str, ...]:
        """The names of what is directly in the folder, sorted."""


@dataclass(frozen=True)
class StoredFolder:
    """A folder at a path or URI."""

    where: str

    def find(self, name: str, max_bytes: int) -> bytes | None:
        """The file's content; None if there is no such file."""
        filesystem, path = storage.resolve(f"{self.where.rstrip('/')}/{name}")
        if not filesystem.isfile(path):
            return None
        if filesystem.size(path) > max_bytes:
            raise InputError(f"{self.where}/{name}", filesystem.size(path), _at_most(max_bytes))
        content: bytes = filesystem.cat_file(path)
        return content

    def names(self) -> tuple[str, ...]:
        """The names of what is directly in the folder, sorted."""
        filesystem, path = storage.resolve(self.where.rstrip("/"))
        listed = filesystem.ls(path, detail=False) if filesystem.isdir(path) else []
        return tuple(sorted(PurePosixPath(name).name for name in listed))


@dataclass(frozen=True)
class SpecText:
    """A spec given as text, with the files that it names under ``files``."""

    contents: Mapping[str, bytes]
    where: str = TEXT

    @classmethod
    def of(cls, text: str) -> "SpecText":
        """Splits the text into the spec and its files.

        Raises:
            InputError: It is not YAML, too large, or ``files`` does not map names to texts.
        """
        if len(text) > MAX_BYTES:
            raise InputError(TEXT, len(text), _at_most(MAX_BYTES))
        fields = read_mapping(text, TEXT)
        files = fields.pop("files", {})
        if not isinstance(files, dict) or not all(isinstance(v, str) for v in files.values()):
            raise InputError(f"{TEXT}: files", type(files).__name__, "file names to their texts")
        spec = yaml.safe_dump(fields, sort_keys=False) if files else text
        contents = {str(name): content.encode() for name, content in files.items()}
        return cls({**contents, SPEC_FILE: spec.encode()})

    def find(self, name: str, max_bytes: int) -> bytes | None:
        """The file's content; None if the text has none of this name."""
        return self.contents.get(name)

    def names(self) -> tuple[str, ...]:
        """The names of the files that the text holds, sorted."""
        return tuple(sorted(self.contents))


@contextmanager
def open_source(model: str) -> Iterator[ModelFolder]:
    """Opens a path, a URI, a git commit or the text of a spec for as long as the context lasts.

    Raises:
        InputError: It is none of these, or cannot be read.
    """
    if "\n" in model.strip():
        yield SpecText.of(model)
    elif model.startswith("git+"):
        with _fetched(model) as folder:
            yield folder
    else:
        yield StoredFolder(_checked(model))


@contextmanager
def _fetched(uri: str) -> Iterator[Tree]:
    """Fetches the one commit that a URI names."""
    address = parse_address(uri, "model", _ACCEPTED, _DO)
    if not _COMMIT.fullmatch(address.at) or address.query:
        raise InputError("model", uri, _ACCEPTED, _DO)
    # A person reads models with the configuration and credentials of their own git.
    with repository_for(address.url, use_own_config=True) as git:
        try:
            git.fetch(address.at)
        except GitError as error:
            accepted = f"a commit that can be read ({error.message[:200]})"
            raise InputError("model", uri, accepted) from error
        yield Tree(git, uri, address.at, address.folder)


def read_file(folder: ModelFolder, name: str, do: str) -> bytes:
    """A file of a model's folder, by its name in it; `do` says what to do if it is missing.

    Raises:
        InputError: The name leads out of the folder, or the file is missing or too large.
    """
    if not _NAME.fullmatch(name):
        raise InputError(folder.where, name, "the name of a file inside the model's folder")
    content = folder.find(name, MAX_BYTES)
    if content is None:
        if folder.where == TEXT:
            do = "Add it to the text under files:, by its name, or give the model's folder instead."
        where, accepted = f"{folder.where}: {name}", "a file of the model's folder"
        raise InputError(where, "no such file", accepted, do)
    return content


def _checked(model: str) -> str:
    scheme, found, _ = model.partition("://")
    if not model.strip() or (found and scheme not in _SCHEMES):
        accepted = (
            "a path, file://, s3:// or gs:// folder, git+https://host/repository@<commit>#folder, "
            "or the text of a spec"
        )
        raise InputError("model", model, accepted)
    if PurePosixPath(model).suffix in {".yaml", ".yml"}:
        raise InputError("model", model, "the folder that the spec is in, not the file itself")
    return model


def _at_most(max_bytes: int) -> str:
    return f"a file of at most {max_bytes >> 20} MiB"
