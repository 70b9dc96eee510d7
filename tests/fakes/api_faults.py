"""Faults that a fake of an API server can be told to show, while it runs."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from components.ops.cluster.errors import ApiCall


@dataclass
class Fault:
    """One way to fail.

    Attributes:
        code: HTTP status; 0: the connection is closed without an answer.
        reason: Of the Status; empty: the body is none.
        headers: Beside it, such as ``Retry-After``.
        done: The request is carried out before, only its answer is lost.
        times: How often; None: until `until`.
        until: Monotonic instant, seconds.
        of: Which calls.
    """

    code: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    done: bool = False
    times: int | None = None
    until: float | None = None
    of: Callable[[ApiCall], bool] = lambda call: True


@dataclass
class Faults:
    """What goes wrong now.

    Attributes:
        latency_s: Wait before every answer, seconds.
        drip_s: Wait between the bytes of an answer, seconds.
        cut_watch_after: Streams break off after so many lines; None: never.
        silent_watches: Streams say nothing and do not end.
        end_watches: Streams end as soon as they began.
        seen: Every call that came in, with the status that it was answered.
    """

    latency_s: float = 0.0
    drip_s: float = 0.0
    cut_watch_after: int | None = None
    silent_watches: bool = False
    end_watches: bool = False
    seen: list[tuple[ApiCall, int]] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, fault: Fault) -> None:
        """Shows a fault from now on."""
        with self._lock:
            self._faults.append(fault)

    def away(self, for_s: float) -> None:
        """Answers 503 for a while."""
        until = time.monotonic() + for_s
        self.fail(Fault(503, "ServiceUnavailable", until=until))

    def storm(self, code: int, reason: str, times: int, retry_after_s: int | None = None) -> None:
        """Answers the next so many requests with a status, 429 or 409."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self.fail(Fault(code, reason, headers, times=times))

    def lose_answer(self, verb: str) -> None:
        """Carries out the next call of a verb and closes the connection instead of answering."""
        self.fail(Fault(0, done=True, times=1, of=lambda call: call.verb == verb))

    def next(self, call: ApiCall) -> Fault | None:
        """The fault that this call meets."""
        with self._lock:
            for fault in self._faults:
                if _is_over(fault) or not fault.of(call):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


def _is_over(fault: Fault) -> bool:
    return fault.times == 0 or (fault.until is not None and time.monotonic() >= fault.until)
