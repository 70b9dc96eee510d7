"""Brings a published model folder back to this machine."""

from pathlib import Path

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from components.core.errors import ApiUnavailable
from components.ops.targets.store.failures import told_plainly
from components.ops.targets.store.publish import read_marker


def fetch(uri: str, folder: Path) -> None:
    """Copies a model folder here, without the store's own marker, and compares it with that.

    Args:
        uri: As `publish` gave it; a folder that something else put there has no marker, and is
            taken as it is.
        folder: A new or empty folder.

    Raises:
        InputError: There is no such folder, or its claim is not mounted here.
        ApiRejected: The store refuses.
        ApiUnavailable: The store did not answer, or not with what was published.
    """
    with told_plainly(uri):
        root = uri.rstrip("/")
        marker = read_marker(f"{root}/{PUBLISHED}")
        storage.fetch_folder(root, folder, leave_out=(PUBLISHED,))
    if marker and digest_folder(folder) != marker.digest:
        raise ApiUnavailable(f"{uri} came with other bytes than were published")
