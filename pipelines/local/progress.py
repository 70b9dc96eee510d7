"""A run on a terminal: a spinner for what goes on, a line for every step that ended."""

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipelines.local.results import RunObserver, StepResult

_MARKS = {"succeeded": ("✓", "green"), "reused": ("↺", "cyan"), "failed": ("✗", "red")}
_DECISION_WIDTH = 12
_NAME_WIDTH = 28


class TerminalProgress(RunObserver):
    """Shows runs one after the other on a terminal, or as plain lines in a file.

    Attributes:
        wants_logs: Whether each line that a step logs is shown too.
    """

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
        self._write(step_line(step))

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


def step_line(step: StepResult) -> Text:
    """Writes a finished step as one line: mark, name, seconds, decision, reason."""
    mark, style = _MARKS[step.state]
    seconds = "earlier" if step.state == "reused" else f"{step.seconds:.1f} s"
    line = Text.assemble(
        "  ",
        (mark, style),
        f" {step.name:<{_NAME_WIDTH}} {seconds:>8}  ",
        (f"{step.decision:<{_DECISION_WIDTH}}", "bold"),
        f" {step.reason}",
    )
    line.rstrip()
    return line
