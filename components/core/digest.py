"""Digests that name what a thing was made from."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from components.core.spans import format_instant

_CHUNK_BYTES = 1 << 20


def digest_of(value: object) -> str:
    """SHA-256 (hex) of a JSON-able value in its canonical form: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    return format_instant(value) if isinstance(value, datetime) else str(value)


def digest_bytes(content: bytes) -> str:
    """SHA-256 (hex) of bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def digest_folder(folder: Path, leave_out: Iterable[str] = ()) -> str:
    """SHA-256 (hex) of a folder: each file's relative name and digest, in order of name."""
    left_out = set(leave_out)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return digest_of([[n, digest_file(folder / n)] for n in names if n not in left_out])
