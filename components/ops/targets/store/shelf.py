"""A place in a model store, found without a way out of the store."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.errors import InputError

SCHEMES = ("s3://", "gs://", "pvc://", "file:///")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STORE = re.compile(r"(s3|gs|pvc)://[^@?#\s/]+(/[^@?#\s]*)?|file:///[^?#\s]+")


@dataclass(frozen=True)
class Shelf:
    """Where one version of a model lies.

    Attributes:
        uri: Its folder, as KServe's storage initializer reads it.
        filesystem: The fsspec filesystem that holds it.
        path: Its folder there.
    """

    uri: str
    filesystem: Any
    path: str

    @property
    def marker(self) -> str:
        """URI of the file that says that the version is whole."""
        return f"{self.uri}/{PUBLISHED}"

    @property
    def claim(self) -> str:
        """URI of the file that keeps other bytes out while this version is uploaded."""
        return f"{self.uri}.claim.json"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return "file" in self.filesystem.protocol

    def names(self) -> frozenset[str]:
        """The files that lie there, relative to the folder; the marker is none of them."""
        self.filesystem.invalidate_cache()
        start = len(self.path) + 1
        found = {str(file)[start:] for file in self.filesystem.find(self.path)}
        return frozenset(found - {PUBLISHED})


def find_shelf(store: str, model: str, version: str) -> Shelf:
    """The place of a version in a store.

    Args:
        store: The spec's `serving.store`.
        model: The model's name.
        version: Its version.

    Raises:
        InputError: A part is not what it should be, a claim is not mounted, or a link in the
            store leads out of it.
    """
    if not _STORE.fullmatch(store):
        accepted = f"a URI that begins with {', '.join(SCHEMES)}, without credentials in it"
        raise InputError("serving.store", store.rpartition("@")[2], accepted)
    for where, name in (("model", model), ("version", version)):
        if not _NAME.fullmatch(name):
            raise InputError(where, name, "letters, digits, '_', '.' and '-'")
    root = store.rstrip("/")
    uri = f"{root}/{model}/{version}"
    filesystem, path = storage.resolve(uri)
    shelf = Shelf(uri, filesystem, path.rstrip("/"))
    if shelf.is_local:
        _check_inside(Path(shelf.path), Path(storage.resolve(root)[1]), uri)
    return shelf


def _check_inside(path: Path, root: Path, uri: str) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(uri, "a link that leads out of the store", "a folder in the store")
