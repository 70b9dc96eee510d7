"""Live traffic: requests sent over HTTP in order, at once or while something else goes on."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp

from components.core.errors import RunError
from pipelines.replay.requests import ReplayRequest

CLIENTS = 6
FLOW_PAUSE_S = 0.15
_TIMEOUT_S = 30.0
_JSON = {"content-type": "application/json"}


@dataclass
class TrafficStats:
    """What was sent, and the answers."""

    requests: int = 0
    rows: int = 0
    failed: int = 0
    by_version: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BackgroundTraffic:
    """Requests that flow in the background; begins once and ends once."""

    wanted: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Begins to send."""
        self.wanted.set()

    def end(self) -> None:
        """Stops for good."""
        self.ended.set()
        self.wanted.set()


class ReplayTraffic:
    """A queue of requests in order of event time, and where they are sent to."""

    def __init__(self, url: str, requests: Sequence[ReplayRequest], sent: int = 0) -> None:
        """Begins at a request.

        Args:
            url: The address of predictions.
            requests: In order of event time.
            sent: How many of them were sent before.
        """
        self.url, self.requests, self.sent = url, requests, sent
        self.stats = TrafficStats()

    def send_until(self, instant: datetime) -> None:
        """Sends everything before an instant, as fast as the server answers.

        Raises:
            RunError: The server cannot be reached at all.
        """
        asyncio.run(self._send(lambda request: request.at < instant, pause_s=0.0))

    @contextmanager
    def flowing(self) -> Iterator["BackgroundTraffic"]:
        """Sends in the background, for no longer than the block lasts.

        Recorded time passes slowly meanwhile, so that little of it goes by during a wait.
        """
        flow = BackgroundTraffic()

        def send() -> None:
            flow.wanted.wait()
            asyncio.run(self._send(lambda _: not flow.ended.is_set(), FLOW_PAUSE_S))

        thread = threading.Thread(target=send, name="traffic")
        thread.start()
        try:
            yield flow
        finally:
            flow.end()
            thread.join()

    async def _send(self, wanted: Callable[[ReplayRequest], bool], pause_s: float) -> None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            clients = (self._client(session, wanted, pause_s) for _ in range(CLIENTS))
            await asyncio.gather(*clients)

    async def _client(
        self,
        session: aiohttp.ClientSession,
        wanted: Callable[[ReplayRequest], bool],
        pause_s: float,
    ) -> None:
        while self.sent < len(self.requests) and wanted(self.requests[self.sent]):
            request = self.requests[self.sent]
            self.sent += 1
            await self._ask(session, request)
            await asyncio.sleep(pause_s)

    async def _ask(self, session: aiohttp.ClientSession, request: ReplayRequest) -> None:
        try:
            async with session.post(self.url, data=request.body, headers=_JSON) as response:
                await response.read()
                good = response.status == 200
                version = response.headers.get("x-ratoon-version", "")
        except aiohttp.ClientConnectorError as error:
            raise RunError(f"nothing answers at {self.url}: {error}") from error
        except (aiohttp.ClientError, TimeoutError):
            good, version = False, ""
        self.stats.requests += 1
        self.stats.rows += request.rows
        self.stats.failed += not good
        self.stats.by_version[version] = self.stats.by_version.get(version, 0) + 1
