"""What a store still has of a version that was published long ago."""

from pathlib import Path
from tempfile import TemporaryDirectory

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from components.ops.targets.store.failures import told_plainly
from components.ops.targets.store.publish import read_marker


def digest_kept(uri: str) -> str | None:
    """The digest of a published folder, by all its bytes.

    Args:
        uri: As `publish` gave it.

    Returns:
        The digest; None: it is gone, or was not published whole.

    Raises:
        InputError: The store cannot be reached from here as it is named.
        ApiRejected: The store refuses.
        ApiUnavailable: The store did not answer.
    """
    storage.resolve(uri)  # says whether its claim is mounted here
    with told_plainly(uri), TemporaryDirectory() as temporary:
        if read_marker(f"{uri}/{PUBLISHED}") is None:
            return None
        storage.fetch_folder(uri, Path(temporary), leave_out=(PUBLISHED,))
        return digest_folder(Path(temporary))
