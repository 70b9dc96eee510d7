"""Reading and writing by URI: a path, ``file://``, ``s3://``, ``gs://``, ``https://``."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec

from components.core.errors import InputError
from components.core.spec.data import check_uri


def read_bytes(uri: str) -> bytes:
    """The content of a file.

    Raises:
        InputError: There is none.
    """
    filesystem, path = resolve(uri)
    try:
        content: bytes = filesystem.cat_file(path)
    except FileNotFoundError as error:
        raise InputError(uri, "no such file", "an existing file") from error
    return content


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    filesystem, path = resolve(uri)
    return bool(filesystem.exists(path))


def list_files(pattern: str) -> tuple[str, ...]:
    """The URIs that a glob pattern matches, in order; none where its folder is missing."""
    filesystem, path = resolve(pattern)
    return tuple(sorted(_unstrip(filesystem, pattern, p) for p in filesystem.glob(path)))


def write_bytes(uri: str, content: bytes) -> None:
    """Writes a file whole: a reader sees the old content or the new one, never a part."""
    filesystem, path = resolve(uri)
    with _whole(filesystem, path) as stream:
        stream.write(content)


def create_bytes(uri: str, content: bytes) -> bool:
    """Writes a file whole, only if there is none; of two writers at once, one is told False."""
    filesystem, path = resolve(uri)
    filesystem.makedirs(filesystem._parent(path), exist_ok=True)
    try:
        if "file" in filesystem.protocol:
            _link_whole(Path(path), content)
        else:
            filesystem.pipe_file(path, content, mode="create")
    except FileExistsError:
        return False
    return True


def resolve(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem and the path in it.

    Raises:
        InputError: The URI is of no accepted scheme, or climbs out of its folder.
    """
    try:
        check_uri(uri)
    except ValueError as error:
        raise InputError("uri", uri, str(error)) from error
    filesystem, path = fsspec.url_to_fs(uri)
    return filesystem, str(path)


def _link_whole(path: Path, content: bytes) -> None:
    """A link appears whole or not at all, where a file opened for writing is first empty."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    part.write_bytes(content)
    try:
        path.hardlink_to(part)
    finally:
        part.unlink()


@contextmanager
def _whole(filesystem: Any, path: str) -> Iterator[IO[bytes]]:
    filesystem.makedirs(filesystem._parent(path), exist_ok=True)
    if "file" not in filesystem.protocol:
        with filesystem.open(path, "wb") as stream:
            yield stream
        return
    part = Path(f"{path}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # what a full disk left


def _unstrip(filesystem: Any, pattern: str, path: str) -> str:
    return str(filesystem.unstrip_protocol(path)) if "://" in pattern else path
