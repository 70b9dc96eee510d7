"""The live traffic of a season: every example of its time, as the caller would know it."""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from components.core.artifacts import PLAN
from components.core.errors import RunError
from components.core.plan import Plan, Purpose
from components.core.spans import Span, format_instant, spans_between
from components.core.spec import Spec
from components.ops.plan.run import Request as PlanRequest
from components.ops.plan.run import plan
from pipelines.local.machine import Machine
from pipelines.local.season.places import Places
from pipelines.local.season.requests import Request, requests_of
from pipelines.local.season.settings import Season

_COMPLETE = "complete"


def live_requests(
    folder: Path, overlay: str, spec: Spec, season: Season, places: Places
) -> tuple[Request, ...]:
    """The requests of a whole season, in order of event time.

    Each row holds what is known when its event is scheduled, joined point in time by the same
    code that prepares training data; labels are left out.

    Raises:
        RunError: The examples could not be prepared.
    """
    if not (places.live / _COMPLETE).exists():
        _prepare(folder, overlay, season, places)
    spans = spans_between(spec.data.span, season.start, season.end)
    files = [places.live / f"{span.name}.parquet" for span in spans]
    table = pd.concat([pq.read_table(file).to_pandas() for file in files if file.exists()])
    event_time = spec.data.primary.event_time
    inside = (table[event_time] >= season.start) & (table[event_time] < season.end)
    return requests_of(table[inside], event_time, season.request, spec.name)


def _prepare(folder: Path, overlay: str, season: Season, places: Places) -> None:
    """Makes the tables in the data image's environment, where every join is made."""
    planned = places.live / "plan"
    if not (planned / PLAN).exists():
        wanted = PlanRequest(
            model=str(folder),
            as_of=format_instant(season.end),
            target="",
            overlay=overlay,
            purpose=Purpose.TRAIN,
            run="live-traffic",
        )
        plan(wanted, planned)
    first = Span.holding(Plan.of(planned).spec.data.span, season.start).name
    machine = Machine.of_checkout()
    environment = machine.environment("ratoon-data", {})
    done = subprocess.run(
        ["python3", "-m", "components.data.prepare.live", str(planned), str(places.live), first],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunError(f"the live examples could not be prepared: {done.stderr[-2000:]}")
    (places.live / _COMPLETE).touch()
