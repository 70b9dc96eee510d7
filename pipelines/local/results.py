"""The results of a run and its steps, and the observers of a run, one of which shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from components.core.errors import RunError

StepState = Literal["succeeded", "reused", "failed"]
# The decisions that stop a model, or that call for a person.
REFUSALS = frozenset({"stop", "refuse", "refused", "rolled_back", "alert"})
_MARKS = {"succeeded": ("✓", "green"), "reused": ("↺", "cyan"), "failed": ("✗", "red")}
_NAME_WIDTH = 28


@dataclass(frozen=True)
class StepResult:
    """One step at its end.

    Attributes:
        name: The step's name; in a nested pipeline after that one's name and a slash.
        seconds: How long it took when it ran.
        log: The log file of the process that ran.
        artifacts: Paths (or addresses) of output artifacts.
        metadata: Metadata of output artifacts, such as metrics.
        exit_code: Of the process; negative is the signal that ended it.
    """

    name: str
    state: StepState
    seconds: float
    log: Path
    parameters: Mapping[str, object] = field(default_factory=dict)
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    exit_code: int = 0

    @property
    def decision(self) -> str:
        """The step's verdict, empty if it gave none."""
        return str(self.parameters.get("decision") or "")

    @property
    def reason(self) -> str:
        """The first line of the verdict's reason."""
        return next(iter(str(self.parameters.get("reason") or "").splitlines()), "")


@dataclass(frozen=True)
class RunResult:
    """A whole run.

    Attributes:
        run_id: The run's own name, also `{{$.pipeline_job_name}}` in its steps.
        folder: Where its artifacts, logs and records are.
        seconds: Wall time of this process's part of the run.
        steps: Every step that finished, in that order. A branch not taken has none.
        outputs: The pipeline's own outputs; artifacts as paths.
    """

    run_id: str
    folder: Path
    state: Literal["succeeded", "failed"]
    seconds: float
    steps: Mapping[str, StepResult]
    outputs: Mapping[str, object]

    @property
    def refusal(self) -> StepResult | None:
        """The last step whose verdict is no, if there is one."""
        refused = (s for s in reversed(list(self.steps.values())) if s.decision in REFUSALS)
        return next(refused, None)

    def step(self, name: str) -> StepResult:
        """Finds a step by its whole name, or by its last part if only one step has it.

        Raises:
            KeyError: No step has the name, or several have.
        """
        if name in self.steps:
            return self.steps[name]
        found = [step for key, step in self.steps.items() if key.rpartition("/")[2] == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} steps are named {name!r}, of: {', '.join(self.steps)}")
        return found[0]


class RunObserver:
    """Hears what happens in a run; by itself it does nothing.

    Calls never overlap, though they may come from several threads.

    Attributes:
        wants_logs: Whether `step_logged` is wanted.
    """

    wants_logs = False

    def run_started(self, title: str) -> None:
        """A run begins."""

    def step_started(self, name: str) -> None:
        """A step's process starts."""

    def step_logged(self, name: str, line: str) -> None:
        """A step wrote a line to its log."""

    def step_finished(self, step: StepResult) -> None:
        """A step succeeded, failed, or an earlier result of it was taken."""

    def run_finished(self, state: str, seconds: float) -> None:
        """A run ended: succeeded, failed or interrupted."""


class StepFailed(RunError):
    """A step's process ended with an error; of a traceback, `last_lines` are the error alone."""

    def __init__(self, step: StepResult, last_lines: tuple[str, ...]) -> None:
        self.step, self.log, self.last_lines = step.name, step.log, last_lines
        lines = "".join(f"\n  {line}" for line in last_lines)
        ended = f"step {step.name} failed after {step.seconds:.1f} s (exit code {step.exit_code})"
        super().__init__(f"{ended}{lines}\n  log: {step.log}")


class TerminalProgress(RunObserver):
    """Shows runs on a terminal, a spinner for what goes on, or as plain lines in a file."""

    def __init__(self, console: Console | None = None, *, verbose: bool = False) -> None:
        self.wants_logs = verbose
        self._console = console or Console()
        self._progress: Progress | None = None
        self._rows: dict[str, TaskID] = {}

    def run_started(self, title: str) -> None:
        """Writes the title; on a terminal the live part begins below it."""
        self._write(Text(title, style="bold"))
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn(" "),
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()

    def step_started(self, name: str) -> None:
        """Shows a spinner."""
        if self._progress:
            self._rows[name] = self._progress.add_task(name.ljust(_NAME_WIDTH), total=None)

    def step_logged(self, name: str, line: str) -> None:
        """Passes a log line on."""
        self._write(Text(f"      {name} | {line}", style="dim"))

    def step_finished(self, step: StepResult) -> None:
        """Writes the step's line, with its decision and the reason."""
        row = self._rows.pop(step.name, None)
        if self._progress and row is not None:
            self._progress.remove_task(row)
        mark, style = _MARKS[step.state]
        seconds = "earlier" if step.state == "reused" else f"{step.seconds:.1f} s"
        line = Text.assemble(
            "  ",
            (mark, style),
            f" {step.name:<{_NAME_WIDTH}} {seconds:>8}  ",
            (f"{step.decision:<12}", "bold"),
            f" {step.reason}",
        )
        line.rstrip()
        self._write(line)

    def run_finished(self, state: str, seconds: float) -> None:
        """Ends the live part and writes how the run ended, unless it is plain to see."""
        if self._progress:
            self._progress.stop()
            self._progress = None
        self._rows.clear()
        if state != "succeeded":
            self._write(Text(f"  {state} after {seconds:.1f} s", style="red"))

    def _write(self, text: Text) -> None:
        # A terminal gets one line a step; a file gets all that was said.
        if self._console.is_terminal:
            self._console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(text, soft_wrap=True)
