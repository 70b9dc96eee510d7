"""Digests of what a step reads and writes: equal digests, equal work."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

READ_WHOLE_BYTES = 256 * 1024 * 1024


def digest_json(value: object) -> str:
    """Digests plain data, without regard to the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_files(files: Iterable[Path], root: Path) -> str:
    """Digests files under their paths relative to a root."""
    return digest_json([[file.relative_to(root).as_posix(), _digest_file(file)] for file in files])


def digest_artifact(uri: str) -> str | None:
    """Digests an artifact's file or folder.

    Args:
        uri: A local path, or the address of something elsewhere.

    Returns:
        The digest; the address itself where the artifact is elsewhere; None where nothing is.
    """
    if "://" in uri:
        return uri
    path = Path(uri)
    if path.is_dir():
        return digest_files(sorted(file for file in path.rglob("*") if file.is_file()), path)
    return _digest_file(path) if path.is_file() else None


def _digest_file(file: Path) -> str:
    stat = file.stat()
    # A huge file counts by size and time: reading it again would cost more than the step saves.
    if stat.st_size > READ_WHOLE_BYTES:
        return f"{stat.st_size}:{stat.st_mtime_ns}"
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
