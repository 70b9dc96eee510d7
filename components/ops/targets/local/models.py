"""The published copies of model folders, and how many of them are kept."""

import re
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

from components.core.digest import digest_folder
from components.core.errors import InputError

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def publish(source: Path, destination: Path) -> str:
    """Copies a model folder whole; what is published already and equal is left as it is.

    Args:
        source: The model folder.
        destination: Its place, named by the version.

    Returns:
        Its digest.

    Raises:
        InputError: The version is not a file name, or the copy is not equal to its source.
    """
    if not _VERSION.fullmatch(destination.name):
        raise InputError("version", destination.name, "letters, digits, '_', '.' and '-'")
    digest = digest_folder(source)
    if destination.is_dir() and digest_folder(destination) == digest:
        return digest
    part = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    try:
        shutil.copytree(source, part)
        _check(part, digest, source)
        shutil.rmtree(destination, ignore_errors=True)
        part.replace(destination)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return digest


def prune(models: Path, keep: Collection[str]) -> tuple[str, ...]:
    """Removes every published version but some, and what an interrupted copy left.

    Returns:
        The names that were removed.
    """
    folders = sorted(models.iterdir()) if models.is_dir() else []
    old = tuple(folder for folder in folders if folder.name not in keep)
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(folder.name for folder in old)


def _check(copy: Path, digest: str, source: Path) -> None:
    if digest_folder(copy) != digest:
        raise InputError(
            str(source), "a folder that changed while it was copied", "a finished model folder"
        )
