"""What a test makes go wrong at the fake of KFP's API."""

import re
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One fault.

    Attributes:
        method: The HTTP method that it meets, or ``*``.
        path: A regular expression that the path holds.
        times: How often it happens yet.
        status: Answers this status instead; 0: answers as usual, but late.
        before_s: Seconds to wait before the request is acted on.
        after_s: Seconds to wait after it was acted on, before the answer.
        drop: Cuts the connection after it was acted on, so that no answer comes.
        headers: Of an answer with `status`.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    before_s: float = 0.0
    after_s: float = 0.0
    drop: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class Faults:
    """The faults that are still to happen, in order; safe to add to from another thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Lets one happen from now on."""
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, which then has happened once more."""
        with self._lock:
            for fault in self._faults:
                if fault.method in ("*", method) and re.search(fault.path, path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    authorization: str
    at: float = field(default_factory=time.monotonic)
