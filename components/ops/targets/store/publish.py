"""Publishes a model folder completely or not at all, deletes it, and digests what is stored.

Files are uploaded first and ``published.json`` last. A lease beside the folder decides between two
runs that upload different bytes under one version at once.
"""

import hashlib
import shutil
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import PUBLISHED, Record
from components.core.digest import digest_file, digest_folder, digest_of
from components.core.errors import ApiUnavailable, InputError
from components.ops.targets.store.location import ModelLocation, locate_model, translate_errors

# Longer than any upload takes: an older lease was left by an interrupted one.
LEASE_DURATION = timedelta(hours=1)
_CHUNK_BYTES = 1 << 20


class UploadLease(Record):
    """Who uploads a version."""

    digest: str
    since: datetime


class PublishedMarker(Record):
    """``published.json``: the version beside it is complete."""

    digest: str


def publish(folder: Path, store: str, model: str, version: str, digest: str) -> str:
    """Copies a model folder to ``<store>/<model>/<version>/``.

    A version that is stored with the same bytes is left as it is; the remains of an interrupted
    upload are overwritten.

    Args:
        folder: The model folder.
        store: The spec's `serving.store`.
        model: The model's name.
        version: Its version.
        digest: Digest of the folder without ``published.json``.

    Returns:
        The URI of the published folder.

    Raises:
        InputError: The version exists with other bytes, the folder changed meanwhile, or the store
            cannot be reached as named.
        ApiRejected: The store refuses.
        ApiUnavailable: The store did not answer, or other bytes are being uploaded.
    """
    location = locate_model(store, model, version)
    with translate_errors(location.uri):
        if not _is_published(location, digest):
            _upload_under_lease(folder, location, digest)
    return location.uri


def delete(store: str, model: str, version: str) -> None:
    """Deletes a version, if it exists.

    Raises as `publish` does.
    """
    location = locate_model(store, model, version)
    with translate_errors(location.uri):
        location.remove(PUBLISHED)  # first: half a version must not pass for a complete one
        for name in location.names():
            location.remove(name)
        if location.is_local:
            shutil.rmtree(location.path, ignore_errors=True)
            shutil.rmtree(_parts(location), ignore_errors=True)
        _release_lease(location)


def stored_digest(uri: str) -> str | None:
    """Digests a published folder by all its bytes; None if it is gone or incomplete.

    Raises as `publish` does.
    """
    storage.resolve(uri)  # raises if its claim is not mounted here
    with translate_errors(uri), TemporaryDirectory() as temporary:
        if _read_marker(f"{uri}/{PUBLISHED}") is None:
            return None
        storage.fetch_folder(uri, Path(temporary), leave_out=(PUBLISHED,))
        return digest_folder(Path(temporary))


def _is_published(location: ModelLocation, digest: str) -> bool:
    """Whether the version is published with these bytes; InputError if with others."""
    marker = _read_marker(location.marker)
    if marker is None or marker.digest == digest:
        return marker is not None
    raise InputError(
        location.uri,
        f"a model with other bytes (digest {digest[:12]}…) than the one published there",
        f"the same bytes (digest {marker.digest[:12]}…), or a version of its own",
        "Train again, for another instant or with another spec.",
    )


def _read_marker(uri: str) -> PublishedMarker | None:
    try:
        content = storage.read_bytes(uri)
    except InputError:  # asked of the store itself: a client's listing may be stale
        return None
    return PublishedMarker.parse(content, uri, "the marker that Ratoon writes")


def _upload_under_lease(folder: Path, location: ModelLocation, digest: str) -> None:
    _acquire_lease(location, digest)
    if not _is_published(location, digest):  # the lease's last holder may have completed it
        try:
            _upload(folder, location, digest)
        except FileNotFoundError:  # another upload of the same bytes completed and cleaned up
            if not _is_published(location, digest):
                raise
    _release_lease(location)


def _upload(folder: Path, location: ModelLocation, digest: str) -> None:
    files = {f.relative_to(folder).as_posix(): f for f in folder.rglob("*") if f.is_file()}
    files.pop(PUBLISHED, None)
    copied = [[name, _copy(file, location, name)] for name, file in sorted(files.items())]
    if digest_of(copied) != digest:
        given = "a folder that changed while it was copied"
        raise InputError(str(folder), given, "a finished model folder")
    for name in location.names() - set(files):  # of an interrupted upload of other bytes
        location.remove(name)
    _check_lease(location, digest)
    marker = PublishedMarker(digest=digest).model_dump_json().encode()
    if not storage.create_bytes(location.marker, marker):
        _is_published(location, digest)
    if location.is_local:
        shutil.rmtree(_parts(location), ignore_errors=True)


def _copy(file: Path, location: ModelLocation, name: str) -> str:
    """Copies a file unless it is stored already, reads it back, and returns its digest."""
    wanted, path = digest_file(file), f"{location.path}/{name}"
    if _digest(location, path) == wanted:
        return wanted
    if location.is_local:
        _copy_atomically(file, Path(path), _parts(location))
    else:
        location.filesystem.put_file(str(file), path)
    if _digest(location, path) != wanted:
        raise ApiUnavailable(f"{location.uri}/{name} came back with other bytes than were written")
    return wanted


def _copy_atomically(file: Path, path: Path, parts: Path) -> None:
    """Shows a reader all of the copy or nothing, as s3 does by itself."""
    parts.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = parts / uuid.uuid4().hex
    shutil.copyfile(file, part)
    part.replace(path)


def _digest(location: ModelLocation, path: str) -> str | None:
    """SHA-256 (hex) of a stored file; None if it does not exist."""
    location.filesystem.invalidate_cache()
    digest = hashlib.sha256()
    try:
        with location.filesystem.open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def _parts(location: ModelLocation) -> Path:
    """The folder beside the version, on the same disk, where its files are written first."""
    path = Path(location.path)
    return path.with_name(f".{path.name}.parts")


def _acquire_lease(location: ModelLocation, digest: str) -> None:
    """Takes the version's lease for these bytes; uploads of the same bytes share it."""
    now = datetime.now(UTC)
    mine = UploadLease(digest=digest, since=now).model_dump_json().encode()
    if storage.create_bytes(location.lease, mine):
        return
    held = _read_lease(location)
    if held and held.digest != digest and now - held.since < LEASE_DURATION:
        raise _busy(location, held)
    storage.write_bytes(location.lease, mine)
    _check_lease(location, digest)


def _check_lease(location: ModelLocation, digest: str) -> None:
    held = _read_lease(location)
    if held and held.digest != digest:
        raise _busy(location, held)


def _release_lease(location: ModelLocation) -> None:
    with suppress(FileNotFoundError):
        location.filesystem.rm_file(storage.resolve(location.lease)[1])


def _read_lease(location: ModelLocation) -> UploadLease | None:
    try:
        return UploadLease.model_validate_json(storage.read_bytes(location.lease))
    except (InputError, ValidationError):  # released meanwhile, or not a lease
        return None


def _busy(location: ModelLocation, held: UploadLease) -> ApiUnavailable:
    return ApiUnavailable(
        f"{location.uri}: another run has been uploading other bytes under this version since "
        f"{held.since:%Y-%m-%dT%H:%M:%SZ}. Try again when it has ended; a lease older than "
        f"{LEASE_DURATION.seconds // 60} minutes is ignored."
    )
