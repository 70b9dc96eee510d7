"""Routes: which version answers a request."""

import hashlib
from dataclasses import dataclass

from components.ops.targets.local.record import Deployed, LocalRecord


@dataclass(frozen=True)
class Backend:
    """A version's server.

    Attributes:
        version: The version.
        port: Its port on this machine.
    """

    version: str
    port: int


@dataclass(frozen=True)
class Routes:
    """Where requests go.

    Attributes:
        champion: What serves.
        candidate: What is tried beside it.
        share: The share of the predictions that the candidate answers.
    """

    champion: Backend | None = None
    candidate: Backend | None = None
    share: float = 0.0

    def choose(self, request_id: str) -> Backend | None:
        """The version for a prediction; the same id meets the same one while the routes stay.

        A request that the candidate answers at one share is answered by it at any larger one.
        """
        if self.candidate and place_of(request_id, self.candidate.version) < self.share:
            return self.candidate
        return self.champion


def routes_of(record: LocalRecord | None) -> Routes:
    """The routes that a record asks for."""
    if record is None:
        return Routes()
    return Routes(_backend(record.champion), _backend(record.candidate), record.share)


def place_of(request_id: str, version: str) -> float:
    """A number in [0, 1) for a request; each candidate meets other requests first."""
    text = f"{version}\n{request_id}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)


def _backend(deployed: Deployed | None) -> Backend | None:
    if deployed is None or deployed.server is None:
        return None
    return Backend(deployed.version, deployed.server.port)
