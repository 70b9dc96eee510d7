"""Replays recorded time: one training, then live traffic and the monitoring runs that are due."""

import time
from datetime import datetime
from pathlib import Path

from components.core.errors import RunError
from components.core.spans import SpanKind, TimeInterval, format_instant, spans_between
from components.core.spec import Spec
from components.ops.plan.model_files import load_spec_of
from pipelines.local.results import RunResult, StepResult, TerminalProgress
from pipelines.local.runner import run_as_of
from pipelines.replay.host import ReplayPaths, replay_host, replay_paths
from pipelines.replay.report import (
    FirstDeployment,
    ReplayPeriod,
    ReplayState,
    metrics_of,
    outcome_of,
    reports_of,
)
from pipelines.replay.traffic import (
    BackgroundTraffic,
    ReplayRequest,
    ReplaySettings,
    ReplayTraffic,
    TrafficStats,
    load_replay,
    replay_requests,
)

# The server writes its log at least once a second.
LOG_FLUSH_S = 1.5


class Replay:
    """One replay of one model."""

    def __init__(self, folder: Path, progress: "ReplayProgress", overlay: str = "") -> None:
        """Reads the spec and the replay of a model's folder, and continues an unfinished one.

        Raises:
            InputError: The spec or the replay cannot be used.
        """
        self.folder, self.progress, self.overlay = folder, progress, overlay
        self.spec: Spec = load_spec_of(str(folder), overlay)
        self.settings: ReplaySettings = load_replay(folder)
        self.paths: ReplayPaths = replay_paths(self.spec)
        self.host = replay_host(self.spec)
        self.requests: tuple[ReplayRequest, ...] = ()
        self.state = ReplayState.at(self.paths.state, self.spec.name)
        self._began = time.monotonic() - self.state.total_s

    def run(self) -> ReplayState:
        """Replays what is left, and writes the state after each part.

        Raises:
            RunError: A step failed, or the first model was not promoted.
        """
        if not self.state.began:
            self.host.clear()
            self.paths.clear()
            self._save(began=True)
        if self.state.first is None:
            self._deploy_first()
        traffic = self._traffic()
        done = {period.name for period in self.state.periods}
        for name, interval in replay_periods(self.spec, self.settings):
            if name not in done:
                period = self._replay_period(name, interval, traffic)
                self._save(periods=(*self.state.periods, period), sent=traffic.sent)
        self._save(finished=True)
        return self.state

    def _deploy_first(self) -> None:
        """Trains and deploys for the first instant."""
        given = {"model": str(self.folder), "overlay": self.overlay}
        result = run_as_of(
            "train-and-deploy", given, self.settings.start, self.paths.root, self.progress
        )
        version = self._champion()
        if not version:
            last = list(result.steps.values())[-1]
            raise RunError(
                f"no model was promoted, so there is nothing to watch: {last.name} decided "
                f"{last.decision}: {last.reason}"
            )
        first = FirstDeployment(champion=version, run_s=result.seconds, reports=reports_of(result))
        self._save(first=first)

    def _traffic(self) -> ReplayTraffic:
        """The requests, and the one address that answers whatever model serves."""
        self.host.resume()
        self.requests = replay_requests(
            self.folder, self.overlay, self.spec, self.settings, self.paths
        )
        return ReplayTraffic(self.url("v2", "infer"), self.requests, sent=self.state.sent)

    def url(self, protocol: str, verb: str) -> str:
        """The address of predictions."""
        path = {"v1": f"{self.spec.name}:{verb}", "v2": f"{self.spec.name}/{verb}"}[protocol]
        return f"{self.host.target.address}/{protocol}/models/{path}"

    def _replay_period(
        self, name: str, interval: TimeInterval, traffic: ReplayTraffic
    ) -> ReplayPeriod:
        """Replays traffic up to the interval's end, then runs the monitoring run that is due."""
        before, began = self._champion(), time.monotonic()
        traffic.stats = TrafficStats()
        self._send(name, interval.end, traffic)
        time.sleep(LOG_FLUSH_S)
        replay_s = time.monotonic() - began
        asked = [request for request in self.requests if interval.contains(request.at)]
        result = self._monitor(interval.end, traffic)
        monitored = result.step("monitor")
        return ReplayPeriod(
            name=name,
            requests=len(asked),
            rows=sum(request.rows for request in asked),
            failed=traffic.stats.failed,
            metrics=metrics_of(monitored),
            decision=monitored.decision,
            reason=monitored.reason,
            outcome=outcome_of(result),
            champion_before=before,
            champion_after=self._champion(),
            replay_s=round(replay_s, 2),
            run_s=round(result.seconds, 2),
            reports=reports_of(result),
        )

    def _send(self, name: str, until: datetime, traffic: ReplayTraffic) -> None:
        began, state = time.monotonic(), "interrupted"
        self.progress.run_started(f"{name}: live traffic")
        self.progress.step_started("replay")
        try:
            traffic.send_until(until)
            state = "succeeded"
            self.progress.step_finished(traffic_result(traffic.stats, time.monotonic() - began))
        finally:
            self._save(sent=traffic.sent)
            self.progress.run_finished(state, time.monotonic() - began)

    def _monitor(self, instant: datetime, traffic: ReplayTraffic) -> RunResult:
        """Runs the monitoring run that is due; live traffic flows during a rollout."""
        with traffic.flowing() as self.progress.traffic:
            results = self.host.run_due(instant, self.paths.root, self.progress)
        if not results:
            raise RunError(f"no monitoring run was due at {format_instant(instant)}")
        return results[0]

    def _champion(self) -> str:
        champion = self.host.target.champion()
        return champion.version if champion else ""

    def _save(self, **changed: object) -> None:
        total_s = round(time.monotonic() - self._began, 1)
        self.state = self.state.model_copy(update={**changed, "total_s": total_s})
        self.state.write(self.paths.state)


class ReplayProgress(TerminalProgress):
    """Progress on a terminal; lets traffic flow for as long as a rollout lasts.

    Attributes:
        traffic: The traffic; None while none may flow.
    """

    traffic: BackgroundTraffic | None = None

    def step_started(self, name: str) -> None:
        """Begins the traffic if the step is a rollout."""
        if self.traffic and name.endswith("rollout"):
            self.traffic.begin()
        super().step_started(name)

    def step_finished(self, step: StepResult) -> None:
        """Ends the traffic if the step was a rollout."""
        if self.traffic and step.name.endswith("rollout"):
            self.traffic.end()
        super().step_finished(step)


def replay_periods(spec: Spec, settings: ReplaySettings) -> tuple[tuple[str, TimeInterval], ...]:
    """The periods between monitoring runs by name, oldest first."""
    every = spec.monitoring.every
    if isinstance(every, SpanKind):
        spans = spans_between(every, settings.start, settings.end)
        return tuple((span.name, span.interval) for span in spans)
    found, start = [], settings.start
    while start < settings.end:
        end = min(start + every, settings.end)
        found.append((format_instant(start), TimeInterval(start=start, end=end)))
        start = end
    return tuple(found)


def traffic_result(stats: TrafficStats, seconds: float) -> StepResult:
    """Live traffic as a step of the terminal."""
    per_s = stats.requests / seconds if seconds else 0.0
    reason = f"{stats.rows} rows in {stats.requests} requests, {per_s:.0f} requests/s"
    decision = "answered" if not stats.failed else f"{stats.failed} failed"
    parameters = {"decision": decision, "reason": reason}
    return StepResult("replay", "succeeded", seconds, Path(), parameters)
