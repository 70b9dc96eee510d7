"""Brings a model folder into a store, whole or not at all, and takes a refused one out again."""

import hashlib
import shutil
import uuid
from pathlib import Path

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import PUBLISHED, Record
from components.core.digest import digest_file, digest_folder
from components.core.errors import ApiUnavailable, InputError
from components.ops.targets.store import claim
from components.ops.targets.store.failures import told_plainly
from components.ops.targets.store.shelf import Shelf, find_shelf

_CHUNK_BYTES = 1 << 20


class Marker(Record):
    """``published.json``: the version beside it is whole.

    Attributes:
        digest: Digest of the model folder without this file.
    """

    digest: str


def publish(folder: Path, store: str, model: str, version: str) -> str:
    """Copies a model folder to ``<store>/<model>/<version>/``.

    A version that is there with the same bytes is left as it is; what a broken-off upload left is
    overwritten.

    Args:
        folder: The model folder.
        store: The spec's `serving.store`.
        model: The model's name.
        version: Its version.

    Returns:
        The URI of the published folder, as KServe's storage initializer reads it.

    Raises:
        InputError: The version is there with other bytes, or the store is not reachable as named.
        ApiRejected: The store refuses.
        ApiUnavailable: The store did not answer, or other bytes are being uploaded.
    """
    shelf = find_shelf(store, model, version)
    digest = digest_folder(folder, leave_out=(PUBLISHED,))
    with told_plainly(shelf.uri):
        if not is_there(shelf, digest):
            _bring(folder, shelf, digest)
    return shelf.uri


def withdraw(store: str, model: str, version: str) -> None:
    """Removes a version; nothing where there is none.

    Raises:
        InputError: It would lie outside of the store.
        ApiRejected: The store refuses.
        ApiUnavailable: The store did not answer.
    """
    shelf = find_shelf(store, model, version)
    with told_plainly(shelf.uri):
        _remove(shelf, PUBLISHED)  # first: half a version must not pass for a whole one
        for name in shelf.names():
            _remove(shelf, name)
        if shelf.is_local:
            shutil.rmtree(shelf.path, ignore_errors=True)
            shutil.rmtree(_parts(shelf), ignore_errors=True)
        claim.drop(shelf)


def is_there(shelf: Shelf, digest: str) -> bool:
    """Whether a version was published with these bytes.

    Raises:
        InputError: It was, with other bytes.
    """
    marker = read_marker(shelf.marker)
    if marker is None or marker.digest == digest:
        return marker is not None
    raise InputError(
        shelf.uri,
        f"a model with other bytes (digest {digest[:12]}…) than the one published there",
        f"the same bytes (digest {marker.digest[:12]}…), or a version of its own",
        "Train again, for another instant or with another spec.",
    )


def read_marker(uri: str) -> Marker | None:
    """What a marker says; None: there is none, so the version is not whole."""
    try:
        content = storage.read_bytes(uri)
    except InputError:  # asked of the store itself: what a client has listed before may be old
        return None
    try:
        return Marker.model_validate_json(content)
    except ValidationError as error:
        accepted = "the marker that Ratoon writes"
        raise InputError(uri, str(error).splitlines()[0], accepted) from error


def _bring(folder: Path, shelf: Shelf, digest: str) -> None:
    claim.take(shelf, digest)
    if not is_there(shelf, digest):  # who held the claim before may have ended well
        try:
            _upload(folder, shelf, digest)
        except FileNotFoundError:  # another with the same bytes was first, and swept up
            if not is_there(shelf, digest):
                raise
    claim.drop(shelf)


def _upload(folder: Path, shelf: Shelf, digest: str) -> None:
    files = {f.relative_to(folder).as_posix(): f for f in folder.rglob("*") if f.is_file()}
    files.pop(PUBLISHED, None)
    for name, file in sorted(files.items()):
        _copy(file, shelf, name)
    for name in shelf.names() - set(files):  # of an upload of other bytes that was broken off
        _remove(shelf, name)
    claim.check(shelf, digest)
    marker = Marker(digest=digest).model_dump_json().encode()
    if not storage.create_bytes(shelf.marker, marker):
        is_there(shelf, digest)
    if shelf.is_local:
        shutil.rmtree(_parts(shelf), ignore_errors=True)


def _copy(file: Path, shelf: Shelf, name: str) -> None:
    """Copies a file, unless it is there, and reads it back."""
    wanted, path = digest_file(file), f"{shelf.path}/{name}"
    if _digest(shelf, path) == wanted:
        return
    if shelf.is_local:
        _copy_whole(file, Path(path), _parts(shelf))
    else:
        shelf.filesystem.put_file(str(file), path)
    if _digest(shelf, path) != wanted:
        raise ApiUnavailable(f"{shelf.uri}/{name} came back with other bytes than were written")


def _copy_whole(file: Path, path: Path, parts: Path) -> None:
    """Who reads the copy sees all of it or none; a disk does not do so by itself, as s3 does."""
    parts.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = parts / uuid.uuid4().hex
    shutil.copyfile(file, part)
    part.replace(path)


def _digest(shelf: Shelf, path: str) -> str | None:
    """SHA-256 (hex) of a file in the store; None: there is none."""
    shelf.filesystem.invalidate_cache()
    digest = hashlib.sha256()
    try:
        with shelf.filesystem.open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def _remove(shelf: Shelf, name: str) -> None:
    try:
        shelf.filesystem.rm_file(f"{shelf.path}/{name}")
    except FileNotFoundError:
        return


def _parts(shelf: Shelf) -> Path:
    """The folder beside the version, on the same disk, where its files are written."""
    path = Path(shelf.path)
    return path.with_name(f".{path.name}.parts")
