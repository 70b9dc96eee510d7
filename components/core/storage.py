"""Reading and writing by URI: a path, ``file://``, ``s3://``, ``gs://``, ``https://``, ``pvc://``.

``pvc://<claim>/<folder>`` is a folder of a Kubernetes volume, read where its claim is mounted:
``/mnt/pvc/<claim>``, or ``<claim>`` under the folder that RATOON_PVC_ROOT names.
"""

import os
import re
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from components.core.errors import InputError
from components.core.spec.data import check_uri

PVC_ROOT = "RATOON_PVC_ROOT"
_PVC = "pvc://"
_GLOB = frozenset("*?")
_MOUNTS = "/mnt/pvc"


def read_bytes(uri: str, last: int | None = None) -> bytes:
    """The content of a file, or its last bytes.

    Raises:
        InputError: The file does not exist.
    """
    filesystem, path = resolve(uri)
    try:
        content: bytes = filesystem.cat_file(path, start=-last if last else None)
    except FileNotFoundError as error:
        raise InputError(uri, "no such file", "an existing file") from error
    return content


def table_files(uri: str) -> tuple[str, ...]:
    """The files that make a table: one file, all of a folder, or those that a glob matches.

    Files whose name, or folder's name, begins with ``_`` or ``.`` are a writer's own.

    Raises:
        InputError: A folder or a glob holds no file.
    """
    filesystem, path = resolve(uri)
    if {"http", "https"} & set(_protocols(filesystem)) or filesystem.isfile(path):
        return (uri,)
    filesystem.invalidate_cache()
    found = [path] if filesystem.isdir(path) else list_files(uri) if _GLOB & set(path) else []
    if not found:
        return (uri,)  # reading it says that it is missing
    files = []
    for place in found:
        root = resolve(place)[1].rstrip("/")
        given = len(root) if found == [path] else root.rfind("/")  # the user's own words
        below = [str(file) for file in filesystem.find(root)]
        files += [f for f in below if not re.search("/[_.]", f[given:]) and f[-1:] != "/"]
    if not files:
        raise InputError(
            uri, "a folder without a file of data", "a file, or a folder of part files"
        )
    return tuple(_as_given(uri, filesystem, file) for file in sorted(files))


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    filesystem, path = resolve(uri)
    return bool(filesystem.exists(path))


def list_files(pattern: str) -> tuple[str, ...]:
    """The URIs that a glob pattern matches, sorted; empty if its folder is missing."""
    filesystem, path = resolve(pattern)
    filesystem.invalidate_cache()  # others write too, and fsspec caches listings for ever
    found = filesystem.glob(path.replace("[", "[[]"))  # brackets in a path are letters
    return tuple(sorted(_as_given(pattern, filesystem, str(file)) for file in found))


def _protocols(filesystem: Any) -> tuple[str, ...]:
    one = filesystem.protocol
    return (one,) if isinstance(one, str) else tuple(one)


def _as_given(uri: str, filesystem: Any, path: str) -> str:
    """A path as a URI, if that is what the caller gave."""
    return str(filesystem.unstrip_protocol(path)) if "://" in uri else path


def write_bytes(uri: str, content: bytes) -> None:
    """Writes a file atomically: a reader sees the old content or the new one."""
    filesystem, path = resolve(uri)
    if "file" not in filesystem.protocol:
        filesystem.pipe_file(path, content)
        return
    with _part_file(Path(path), content) as part:
        part.replace(path)


def create_bytes(uri: str, content: bytes) -> bool:
    """Creates a file atomically; False if it exists, so that of two writers one gets False."""
    filesystem, path = resolve(uri)
    try:
        if "file" not in filesystem.protocol:
            filesystem.pipe_file(path, content, mode="create")
            return True
        with _part_file(Path(path), content) as part:
            Path(path).hardlink_to(part)  # a link appears whole or not at all
    except FileExistsError:
        return False
    except OSError:  # some stores say only that a precondition failed
        filesystem.invalidate_cache()
        if not filesystem.exists(path):
            raise
        return False
    return True


def fetch_folder(uri: str, into: Path, leave_out: Collection[str] = ()) -> None:
    """Copies every file of a folder to this machine.

    Args:
        uri: The folder.
        into: Where to; files of other names stay.
        leave_out: Names that are not copied.

    Raises:
        InputError: There is no such folder, or a name in it climbs out of it.
    """
    filesystem, path = resolve(uri)
    filesystem.invalidate_cache()
    root = path.rstrip("/")
    names = [str(file)[len(root) + 1 :] for file in filesystem.find(root)]
    if not names:
        raise InputError(uri, "no such folder", "an existing folder")
    for name in set(names) - set(leave_out):
        if ".." in name.split("/"):  # an object's key may hold anything
            raise InputError(uri, name, "files in this folder")
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        filesystem.get_file(f"{root}/{name}", str(into / name))


def resolve(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem and the path in it.

    Raises:
        InputError: The URI is of no accepted scheme, climbs out of its folder, or names a claim
            that is not mounted here.
    """
    plain = uri.removeprefix(_PVC)
    try:
        check_uri(plain)
    except ValueError as error:
        raise InputError("uri", uri, str(error)) from error
    filesystem, path = fsspec.url_to_fs(plain if plain == uri else _mounted(uri))
    return filesystem, str(path)


def _mounted(uri: str) -> str:
    """The path on this machine of ``pvc://<claim>/<folder>``."""
    claim, _, folder = uri.removeprefix(_PVC).partition("/")
    root = os.environ.get(PVC_ROOT) or _MOUNTS
    mount = Path(root, claim)
    if claim and mount.is_dir():
        return str(mount / folder)
    raise InputError(
        uri,
        f"a claim that is not mounted here: there is no folder {mount}",
        "a PersistentVolumeClaim that this step's pod mounts",
        f"Mount the claim '{claim}' at {mount} in the pods that read or write it.",
    )


@contextmanager
def _part_file(path: Path, content: bytes) -> Iterator[Path]:
    """The content in a file of its own beside `path`, whose folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        yield part
    finally:
        part.unlink(missing_ok=True)  # also what a full disk left
