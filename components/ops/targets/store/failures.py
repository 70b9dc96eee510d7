"""What goes wrong in a store, in the words of who has to mend it; never with a secret."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from components.core.errors import ApiRejected, ApiUnavailable, InputError

# What the clients of s3 and gs raise that is no OSError; a client that is not here raises nothing.
_FOREIGN = (
    ("botocore.exceptions", "BotoCoreError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("aiohttp", "ClientError"),
)
_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError")


@contextmanager
def told_plainly(uri: str) -> Iterator[None]:
    """Turns what a store's client raises into errors that say what to do.

    Raises:
        ApiRejected: The store refuses; its credentials or its policy are to be mended.
        InputError: The bucket or folder does not exist.
        ApiUnavailable: It did not answer, or broke off: try again.
    """
    try:
        yield
    except PermissionError as error:
        raise ApiRejected(f"{uri}: {_refused(uri)}") from error
    except FileNotFoundError as error:
        do = "Make it, or mend serving.store."
        raise InputError(uri, "no such bucket or folder", "a store that exists", do) from error
    except ImportError as error:
        raise InputError(
            uri, f"no client: {error.name}", "a store that this image reads"
        ) from error
    except OSError as error:
        if str(error).startswith("Forbidden"):  # how the client of gs says 403
            raise ApiRejected(f"{uri}: {_refused(uri)}") from error
        raise ApiUnavailable(f"{uri}: {type(error).__name__} {error.strerror or ''}") from error
    except _foreign() as error:
        if type(error).__name__ in _CREDENTIALS:
            raise ApiRejected(f"{uri}: {_refused(uri)}") from error
        raise ApiUnavailable(f"{uri}: {type(error).__name__}") from error


def _refused(uri: str) -> str:
    if uri.startswith(("pvc://", "file://")):
        return "no right to write there. Check the owner and the access mode of the volume."
    return (
        "no right to it, or no credentials. They are taken from the environment, which the "
        "secret ratoon-object-store fills on a cluster: check its keys and the bucket's policy."
    )


def _foreign() -> tuple[type[Exception], ...]:
    found = []
    for module, name in _FOREIGN:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(found)
