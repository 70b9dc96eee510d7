"""Live traffic of a replay: recorded examples as the caller knew them, sent over HTTP in order."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pandas as pd
import pyarrow.parquet as pq
from pydantic import Field

from components.core.artifacts import PLAN
from components.core.errors import InputError, RunError
from components.core.plan import Plan, Purpose
from components.core.spans import Instant, Span, format_instant, spans_between
from components.core.spec import Spec, SpecModel
from components.core.spec.base import Column
from components.core.spec.errors import parse_fields
from components.core.spec.load import read_mapping
from components.core.units import Duration
from components.ops.plan.run import PlanRequest, plan
from pipelines.local.machine import Machine
from pipelines.replay.host import ReplayPaths

CLIENTS = 6
FLOW_PAUSE_S = 0.15
_TIMEOUT_S = 30.0
_JSON = {"content-type": "application/json"}
_DATATYPES = {"i": "INT64", "u": "INT64", "f": "FP64", "b": "BOOL"}
_SLOT = "slot of the request"
_COMPLETE = "complete"
# A column of all requests: its name, its datatype in the protocol, and a cell for each example.
_Column = tuple[str, str, list[object]]


class Grouping(SpecModel):
    """Which examples come in one request."""

    every: Duration = Field(timedelta(hours=1), description="Examples of this long together.")
    by: tuple[Column, ...] = Field((), description="Split further by these raw columns.")


class ReplaySettings(SpecModel):
    """A part of recorded time; the first model is trained for its start, when traffic begins."""

    start: Instant
    end: Instant
    request: Grouping = Grouping()


def load_replay(folder: Path) -> ReplaySettings:
    """Reads the ``replay.yaml`` beside a model's spec.

    Raises:
        InputError: There is none, or a field cannot be used.
    """
    file = folder / "replay.yaml"
    if not file.is_file():
        raise InputError(str(file), "no such file", "a replay.yaml with start and end")
    fields = read_mapping(file.read_text(encoding="utf-8"), str(file))
    return parse_fields(ReplaySettings, fields, str(file))


@dataclass(frozen=True)
class ReplayRequest:
    """One v2 inference request (Open Inference Protocol), at its first example's event time."""

    at: datetime
    rows: int
    body: bytes


def group_requests(
    table: pd.DataFrame, event_time: str, grouping: Grouping, name: str
) -> tuple[ReplayRequest, ...]:
    """Groups examples into requests, whose ids are numbers behind a name.

    `table` has raw and key columns, one row an example, without the label; the column `event_time`
    says when an example exists.
    """
    slot = table[event_time].dt.floor(f"{int(grouping.every.total_seconds())}s")
    ordered = table.assign(**{_SLOT: slot})
    ordered = ordered.sort_values([_SLOT, *grouping.by, event_time], kind="stable")
    starts = _starts(ordered[[_SLOT, *grouping.by]])
    columns = [_column(str(name), ordered[name]) for name in table.columns]
    instants = [at.to_pydatetime() for at in ordered[event_time].iloc[starts]]
    ends = [*starts[1:], len(ordered)]
    return tuple(
        ReplayRequest(at, end - start, _body(f"{name}-{number:06d}", columns, start, end))
        for number, (at, start, end) in enumerate(zip(instants, starts, ends, strict=True), 1)
    )


def _starts(groups: pd.DataFrame) -> list[int]:
    """Positions at which a new group begins; a missing value is a value like any other."""
    codes = groups.apply(lambda column: pd.factorize(column, use_na_sentinel=False)[0])
    changed = (codes != codes.shift()).any(axis=1)
    return [int(position) for position in changed.to_numpy().nonzero()[0]]


def _body(request_id: str, columns: Sequence[_Column], start: int, end: int) -> bytes:
    inputs = [
        {"name": name, "shape": [end - start], "datatype": datatype, "data": data[start:end]}
        for name, datatype, data in columns
    ]
    return json.dumps({"id": request_id, "inputs": inputs}).encode()


def _column(name: str, values: pd.Series) -> _Column:
    """A whole column; a missing value is null, an instant its seconds since 1970."""
    if values.dtype.kind == "M":
        return name, "INT64", values.astype("datetime64[s, UTC]").astype("int64").tolist()
    cells = values.astype(object).where(values.notna(), None)
    return name, _DATATYPES.get(values.dtype.kind, "BYTES"), cells.tolist()


def replay_requests(
    folder: Path, overlay: str, spec: Spec, settings: ReplaySettings, paths: ReplayPaths
) -> tuple[ReplayRequest, ...]:
    """The requests of a whole replay, in order of event time.

    Each row holds what is known when its event is scheduled, joined point in time by the same
    code that prepares training data; labels are left out.

    Raises:
        RunError: The examples could not be prepared.
    """
    if not (paths.live / _COMPLETE).exists():
        _prepare(folder, overlay, settings, paths)
    spans = spans_between(spec.data.span, settings.start, settings.end)
    files = [paths.live / f"{span.name}.parquet" for span in spans]
    table = pd.concat([pq.read_table(file).to_pandas() for file in files if file.exists()])
    event_time = spec.data.primary.event_time
    inside = (table[event_time] >= settings.start) & (table[event_time] < settings.end)
    return group_requests(table[inside], event_time, settings.request, spec.name)


def _prepare(folder: Path, overlay: str, settings: ReplaySettings, paths: ReplayPaths) -> None:
    """Makes the tables in the data image's environment, where every join is made."""
    planned = paths.live / "plan"
    if not (planned / PLAN).exists():
        as_of, purpose = format_instant(settings.end), Purpose.TRAIN
        wanted = PlanRequest(
            str(folder), as_of, target="", overlay=overlay, purpose=purpose, run="live-traffic"
        )
        plan(wanted, planned)
    first = Span.containing(Plan.of(planned).spec.data.span, settings.start).name
    done = subprocess.run(
        ["python3", "-m", "components.data.prepare.live", str(planned), str(paths.live), first],
        env=Machine.of_checkout().environment("ratoon-data", {}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RunError(f"the live examples could not be prepared: {done.stderr[-2000:]}")
    (paths.live / _COMPLETE).touch()


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
        """Takes requests in order of event time, of which some were sent before."""
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
        async def client() -> None:
            while self.sent < len(self.requests) and wanted(self.requests[self.sent]):
                request = self.requests[self.sent]
                self.sent += 1
                await self._ask(session, request)
                await asyncio.sleep(pause_s)

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(client() for _ in range(CLIENTS)))

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
