"""Of two that publish other bytes under one version at once, one goes on."""

from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import Record
from components.core.errors import ApiUnavailable, InputError
from components.ops.targets.store.shelf import Shelf

# Longer than an upload takes: an older claim was left by one that was broken off.
LEASE = timedelta(hours=1)


class Claim(Record):
    """Who uploads a version.

    Attributes:
        digest: Digest of the model folder that is uploaded.
        since: When that began, UTC.
    """

    digest: str
    since: datetime


def take(shelf: Shelf, digest: str) -> None:
    """Claims a version for these bytes; who uploads the same bytes shares the claim.

    Raises:
        ApiUnavailable: Other bytes are being uploaded under this version.
    """
    now = datetime.now(UTC)
    mine = Claim(digest=digest, since=now).model_dump_json().encode()
    if storage.create_bytes(shelf.claim, mine):
        return
    held = _held(shelf)
    if held and held.digest != digest and now - held.since < LEASE:
        raise _busy(shelf, held)
    storage.write_bytes(shelf.claim, mine)
    check(shelf, digest)


def check(shelf: Shelf, digest: str) -> None:
    """Whether the version is still claimed for these bytes.

    Raises:
        ApiUnavailable: It is claimed for others.
    """
    held = _held(shelf)
    if held and held.digest != digest:
        raise _busy(shelf, held)


def drop(shelf: Shelf) -> None:
    """Ends a claim; nothing where there is none."""
    try:
        shelf.filesystem.rm_file(storage.resolve(shelf.claim)[1])
    except FileNotFoundError:
        return


def _held(shelf: Shelf) -> Claim | None:
    try:
        return Claim.model_validate_json(storage.read_bytes(shelf.claim))
    except (InputError, ValidationError):  # gone meanwhile, or nobody's
        return None


def _busy(shelf: Shelf, held: Claim) -> ApiUnavailable:
    return ApiUnavailable(
        f"{shelf.uri}: another run has been uploading a model of this version, with other bytes, "
        f"since {held.since:%Y-%m-%dT%H:%M:%SZ}. Try again when it has ended; a claim that is "
        f"older than {LEASE.seconds // 60} minutes is passed over."
    )
