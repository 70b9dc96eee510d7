"""Free ports of this machine."""

import secrets
import socket

HOST = "127.0.0.1"
# Below the range from which the system draws ports for outgoing connections: none of those can
# take the port between the choice and the moment when the server binds it.
_LOW, _HIGH = 20_000, 32_000
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could bind the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that no server has.

    Raises:
        OSError: None was found.
    """
    for _ in range(_ATTEMPTS):
        port = _LOW + secrets.randbelow(_HIGH - _LOW)
        if is_free(port):
            return port
    raise OSError(f"no free port found between {_LOW} and {_HIGH}")
