"""Where a version lies in a model store, and what the store's client raises in plain words.

A location never leads out of the store, and no error message holds a secret.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core import storage
from components.core.artifacts import PUBLISHED
from components.core.errors import ApiRejected, ApiUnavailable, InputError

SCHEMES = ("s3://", "gs://", "pvc://", "file:///")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STORE = re.compile(r"(s3|gs|pvc)://[^@?#\s/]+(/[^@?#\s]*)?|file:///[^?#\s]+")

# Exceptions of the s3 and gs clients that are not OSErrors; a client may not be installed.
_CLIENT_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("aiohttp", "ClientError"),
)
_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError")


@dataclass(frozen=True)
class ModelLocation:
    """Where one version of a model lies.

    Attributes:
        uri: Its folder, as KServe's storage initializer reads it.
        filesystem: The fsspec filesystem that holds it.
        path: Its folder there.
    """

    uri: str
    filesystem: Any
    path: str

    @property
    def marker(self) -> str:
        """URI of the file that says that the upload is complete."""
        return f"{self.uri}/{PUBLISHED}"

    @property
    def lease(self) -> str:
        """URI of the upload lease, which keeps other bytes out of this version meanwhile."""
        return f"{self.uri}.lease.json"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder on this machine."""
        return "file" in self.filesystem.protocol

    def names(self) -> frozenset[str]:
        """Returns the stored files relative to the folder, without the marker."""
        self.filesystem.invalidate_cache()
        start = len(self.path) + 1
        found = {str(file)[start:] for file in self.filesystem.find(self.path)}
        return frozenset(found - {PUBLISHED})

    def remove(self, name: str) -> None:
        """Removes a file of the folder, if it exists."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(f"{self.path}/{name}")


def locate_model(store: str, model: str, version: str) -> ModelLocation:
    """Returns the location of a version in a store.

    Raises:
        InputError: An argument is malformed, a claim is not mounted, or a link leads out of the
            store.
    """
    if not _STORE.fullmatch(store):
        accepted = f"a URI that begins with {', '.join(SCHEMES)}, without credentials in it"
        raise InputError("serving.store", store.rpartition("@")[2], accepted)
    for where, name in (("model", model), ("version", version)):
        if not _NAME.fullmatch(name):
            raise InputError(where, name, "letters, digits, '_', '.' and '-'")
    root = store.rstrip("/")
    uri = f"{root}/{model}/{version}"
    filesystem, path = storage.resolve(uri)
    location = ModelLocation(uri, filesystem, path.rstrip("/"))
    if location.is_local:
        inside = Path(storage.resolve(root)[1]).resolve()
        if not Path(location.path).resolve().is_relative_to(inside):
            raise InputError(uri, "a link that leads out of the store", "a folder in the store")
    return location


@contextmanager
def translate_errors(uri: str) -> Iterator[None]:
    """Translates exceptions of a store's client into errors that say what to do.

    Raises:
        ApiRejected: The store refuses: fix its credentials or its policy.
        InputError: The bucket or folder does not exist.
        ApiUnavailable: It did not answer, or the connection broke: try again.
    """
    try:
        yield
    except PermissionError as error:
        raise ApiRejected(f"{uri}: {_refused(uri)}") from error
    except FileNotFoundError as error:
        do = "Create it, or correct serving.store."
        raise InputError(uri, "no such bucket or folder", "a store that exists", do) from error
    except ImportError as error:
        raise InputError(
            uri, f"no client: {error.name}", "a store that this image has a client for"
        ) from error
    except OSError as error:
        if str(error).startswith("Forbidden"):  # gcsfs's 403
            raise ApiRejected(f"{uri}: {_refused(uri)}") from error
        raise ApiUnavailable(f"{uri}: {type(error).__name__} {error.strerror or ''}") from error
    except _client_errors() as error:
        if type(error).__name__ in _CREDENTIALS:
            raise ApiRejected(f"{uri}: {_refused(uri)}") from error
        raise ApiUnavailable(f"{uri}: {type(error).__name__}") from error


def _refused(uri: str) -> str:
    if uri.startswith(("pvc://", "file://")):
        return "permission denied. Check the owner and the access mode of the volume."
    return (
        "access denied, or no credentials. They come from the environment, which the secret "
        "ratoon-object-store fills on a cluster: check its keys and the bucket's policy."
    )


def _client_errors() -> tuple[type[Exception], ...]:
    found = []
    for module, name in _CLIENT_ERRORS:
        with suppress(ImportError):
            found.append(getattr(importlib.import_module(module), name))
    return tuple(found)
