"""What of an API server's failures may pass, and how long to wait before asking again.

Source: Kubernetes API conventions (HTTP status codes; Status.reason; retryAfterSeconds).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ASKED_TO_RETRY = frozenset({"ServerTimeout", "Timeout", "TooManyRequests", "ServiceUnavailable"})
# The API server answers an apply with a field that the schema lacks with a 500 and no reason.
NOT_OF_SCHEMA = "failed to create typed patch object"
# An admission webhook that is being restarted answers again in seconds.
WEBHOOK_AWAY = "failed calling webhook"


@dataclass(frozen=True)
class Patience:
    """How long one call may take.

    Attributes:
        deadline_s: The whole call with its retries, seconds.
        request_s: One request, from its first byte to the last of its answer, seconds.
        connect_s: The connection, seconds.
        first_pause_s: Pause after the first failure, seconds; doubled after each.
        longest_pause_s: Longest pause, seconds.
        stream_s: A watch is asked anew so often, seconds: a connection that died without a word is
            found by then.
    """

    deadline_s: float = 120.0
    request_s: float = 20.0
    connect_s: float = 5.0
    first_pause_s: float = 0.25
    longest_pause_s: float = 8.0
    stream_s: float = 30.0

    def pause_s(self, failures: int, asked_s: float | None, chance: float) -> float:
        """Seconds to wait after so many failures.

        Args:
            failures: How many there were, 1 or more.
            asked_s: What the server asked for (Retry-After), seconds.
            chance: Of [0, 1): spreads clients that failed together.
        """
        longest = min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(failures - 1, 30))
        if asked_s is not None:
            return asked_s + longest * chance / 2
        return longest * (1 + chance) / 2


def is_refusal(code: int, status: Mapping[str, Any]) -> bool:
    """Whether the server understood and refused, which it also says with a 500 (see below)."""
    return code < 500 or NOT_OF_SCHEMA in str(status.get("message"))


def is_collision(code: int, status: Mapping[str, Any]) -> bool:
    """Whether two writes met in the server, and neither a name nor a field is taken."""
    causes = (status.get("details") or {}).get("causes")
    return code == 409 and status.get("reason") == "Conflict" and not causes


def may_pass(code: int, status: Mapping[str, Any], asked_s: float | None) -> bool:
    """Whether the same request may succeed later.

    Args:
        code: HTTP status.
        status: The body: a Status object, or ``{"message": text}`` where something else answered.
        asked_s: Retry-After, seconds; None: not said.
    """
    if code in (429, 502, 503):
        return True
    if code not in (500, 504):
        return False
    answered_by_another = "reason" not in status and code == 504
    return (
        answered_by_another
        or asked_s is not None
        or status.get("reason") in ASKED_TO_RETRY
        or WEBHOOK_AWAY in str(status.get("message"))
    )


def asked_pause_s(header: str | None, status: Mapping[str, Any]) -> float | None:
    """Seconds that the server asks to wait: its header, else its Status; None: it does not say."""
    said = header or (status.get("details") or {}).get("retryAfterSeconds")
    text = str(said or "").strip()
    return float(text) if text.isdigit() else None
