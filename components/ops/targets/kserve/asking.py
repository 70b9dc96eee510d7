"""Plain requests to a pod's own address: HTTP within the cluster, without a proxy between."""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_TIMEOUT_S = 5.0


class NoAnswer(Exception):
    """The pod could not be asked, or did not answer in time."""


def ask(url: str, path: str) -> tuple[int, bytes]:
    """Asks a server.

    Args:
        url: Its base URL.
        path: The path, with its slash.

    Returns:
        The status and the body.

    Raises:
        NoAnswer: There was none.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None  # made of the pod's address
    connection = HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"{url}{path}: {error!r}") from error
    finally:
        connection.close()
