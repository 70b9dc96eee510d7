"""Plays a season: train and deploy once, then traffic and the monitoring runs that fall due."""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from components.core.errors import RunError
from components.core.spans import Interval, SpanKind, format_instant, spans_between
from components.core.spec import Spec
from components.ops.plan.folder import StoredFolder
from components.ops.plan.request import read_spec
from pipelines.local import StepResult, TerminalProgress, run
from pipelines.local.recurring import PIPELINES
from pipelines.local.result import RunResult
from pipelines.local.season.host import host_of
from pipelines.local.season.ledger import First, Ledger, Month
from pipelines.local.season.live import live_requests
from pipelines.local.season.places import Places, places_of
from pipelines.local.season.requests import Request
from pipelines.local.season.settings import Season, read_season
from pipelines.local.season.traffic import Flow, Tally, Traffic

# The server writes its log at least once a second.
LOG_FLUSH_S = 1.5
METRICS = ("rows", "labelled", "auc", "log_loss", "calibration_error", "calibration_limit", "rate")


class Play:
    """One season of one model on this machine."""

    def __init__(self, folder: Path, progress: TerminalProgress, overlay: str = "") -> None:
        """Reads the spec and the season, and takes up an unfinished one.

        Args:
            folder: The model's folder.
            progress: Is told of steps as they run.
            overlay: The few fields that differ where it is played; empty for none.

        Raises:
            InputError: The spec or the season cannot be used.
        """
        self.folder, self.progress, self.overlay = folder, progress, overlay
        self.spec: Spec = read_spec(StoredFolder(str(folder)), overlay).spec
        self.season: Season = read_season(folder)
        self.places: Places = places_of(self.spec)
        self.host = host_of(self.spec)
        self.requests: tuple[Request, ...] = ()
        self.ledger = Ledger.at(self.places.ledger, self.spec.name)
        self._began = time.monotonic() - self.ledger.total_s

    def play(self) -> Ledger:
        """Plays what is left of the season, and keeps the ledger after each part of it.

        Raises:
            RunError: A step failed, or the first model was not promoted.
        """
        if not self.ledger.began:
            self.host.clear()
            self.places.clear()
            self._keep(began=True)
        if self.ledger.first is None:
            self._begin()
        traffic = self._traffic()
        done = {month.name for month in self.ledger.months}
        for name, stretch in stretches(self.spec, self.season):
            if name not in done:
                month = self._stretch(name, stretch, traffic)
                self._keep(months=(*self.ledger.months, month), sent=traffic.sent)
        self._keep(finished=True)
        return self.ledger

    def _begin(self) -> None:
        """Trains and deploys for the season's first instant."""
        as_of = format_instant(self.season.start)
        result = run(
            PIPELINES / "train-and-deploy.yaml",
            {"model": str(self.folder), "as_of": as_of, "overlay": self.overlay},
            self.places.runs,
            run_id="first",
            title=f"train-and-deploy as of {as_of}",
            observer=self.progress,
            cache=False,
        )
        version = self._champion()
        if version is None:
            last = list(result.steps.values())[-1]
            raise RunError(
                f"no model was promoted, so there is nothing to watch: {last.name} decided "
                f"{last.decision}: {last.reason}"
            )
        first = First(champion=version, run_s=result.seconds, reports=reports_of(result))
        self._keep(first=first)

    def _traffic(self) -> Traffic:
        """The season's requests, and the one address that answers whatever model serves."""
        self.host.wake()
        self.requests = live_requests(
            self.folder, self.overlay, self.spec, self.season, self.places
        )
        return Traffic(self.url("v2", "infer"), self.requests, sent=self.ledger.sent)

    def url(self, protocol: str, verb: str) -> str:
        """Where predictions are asked for."""
        path = {"v1": f"{self.spec.name}:{verb}", "v2": f"{self.spec.name}/{verb}"}[protocol]
        return f"{self.host.target.address}/{protocol}/models/{path}"

    def _stretch(self, name: str, stretch: Interval, traffic: Traffic) -> Month:
        """Replays traffic up to the stretch's end, then runs the monitoring run that is due."""
        before, began = self._champion() or "", time.monotonic()
        traffic.tally = Tally()
        self._replay(name, stretch.end, traffic)
        self._keep(sent=traffic.sent)
        time.sleep(LOG_FLUSH_S)
        replay_s = time.monotonic() - began
        asked = [request for request in self.requests if stretch.holds(request.at)]
        result = self._watch(stretch.end, traffic)
        judged = result.step("monitor")
        return Month(
            name=name,
            requests=len(asked),
            rows=sum(request.rows for request in asked),
            failed=traffic.tally.failed,
            metrics=metrics_of(judged),
            decision=judged.decision,
            reason=judged.reason,
            outcome=outcome_of(result),
            champion_before=before,
            champion_after=self._champion() or "",
            replay_s=round(replay_s, 2),
            run_s=round(result.seconds, 2),
            reports=reports_of(result),
        )

    def _replay(self, name: str, until: datetime, traffic: Traffic) -> None:
        began = time.monotonic()
        title = f"{name}: live traffic"
        self.progress.run_started(title)
        self.progress.step_started("replay")
        state = "interrupted"
        try:
            traffic.send_until(until)
            state = "succeeded"
        finally:
            self._keep(sent=traffic.sent)
            seconds = time.monotonic() - began
            if state == "succeeded":
                self.progress.step_finished(replayed(traffic.tally, seconds))
            self.progress.run_finished(state, seconds)

    def _watch(self, instant: datetime, traffic: Traffic) -> RunResult:
        """The monitoring run that is due; in a rollout, live traffic meets the candidate."""
        with traffic.flowing() as flow:
            observer = Listening(self.progress, flow)
            results = self.host.run_due(instant, self.places.runs, observer)
        if not results:
            raise RunError(f"no monitoring run was due at {format_instant(instant)}")
        return results[0]

    def _champion(self) -> str | None:
        champion = self.host.target.champion()
        return champion.version if champion else None

    def _keep(self, **changed: object) -> None:
        total_s = round(time.monotonic() - self._began, 1)
        self.ledger = self.ledger.model_copy(update={**changed, "total_s": total_s})
        self.ledger.write(self.places.ledger)


class Listening:
    """Passes everything on, and lets traffic flow for as long as a rollout lasts."""

    def __init__(self, progress: TerminalProgress, flow: Flow) -> None:
        """Wraps a terminal's progress."""
        self._progress, self._flow = progress, flow
        self.follows_logs = progress.follows_logs
        self.run_started = progress.run_started
        self.step_said = progress.step_said
        self.run_finished = progress.run_finished

    def step_started(self, name: str) -> None:
        """Lets traffic flow when the step is a rollout."""
        if name.endswith("rollout"):
            self._flow.begin()
        self._progress.step_started(name)

    def step_finished(self, step: StepResult) -> None:
        """Stops the traffic when the step was a rollout."""
        if step.name.endswith("rollout"):
            self._flow.end()
        self._progress.step_finished(step)


def stretches(spec: Spec, season: Season) -> tuple[tuple[str, Interval], ...]:
    """The stretches between monitoring runs, each with its name, oldest first."""
    every = spec.monitoring.every
    if isinstance(every, SpanKind):
        spans = spans_between(every, season.start, season.end)
        return tuple((span.name, span.interval) for span in spans)
    found, start = [], season.start
    while start < season.end:
        end = min(start + every, season.end)
        found.append((format_instant(start), Interval(start=start, end=end)))
        start = end
    return tuple(found)


def metrics_of(judged: StepResult) -> Mapping[str, float | None]:
    """The numbers of a monitoring run that a season's table is made of."""
    logged = judged.metadata.get("metrics", {})
    return {
        name: float(value) if isinstance(value := logged.get(name), int | float) else None
        for name in METRICS
    }


def outcome_of(result: RunResult) -> str:
    """How far a retraining came: ``step: decision`` of its last step that decided."""
    nested = [s for name, s in result.steps.items() if "/" in name and s.decision]
    deciding = [s for s in nested if not s.name.endswith("schedule")]
    if not deciding:
        return ""
    last = deciding[-1]
    return f"{last.name.rpartition('/')[2]}: {last.decision}"


def reports_of(result: RunResult) -> Mapping[str, str]:
    """Step to the path of its HTML report."""
    return {
        name: str(step.artifacts["report"])
        for name, step in result.steps.items()
        if "report" in step.artifacts
    }


def replayed(tally: Tally, seconds: float) -> StepResult:
    """Live traffic as a line of the terminal."""
    per_s = tally.requests / seconds if seconds else 0.0
    reason = f"{tally.rows} rows in {tally.requests} requests, {per_s:.0f} requests/s"
    decision = "answered" if not tally.failed else f"{tally.failed} failed"
    return StepResult(
        name="replay",
        state="succeeded",
        seconds=seconds,
        log=Path(),
        parameters={"decision": decision, "reason": reason},
    )
