"""A failed step; the tree that it belongs to is in `components.core.errors`."""

from pathlib import Path

from components.core.errors import RunError


class StepFailed(RunError):
    """A step's process ended with an error.

    Args:
        step: The step's name.
        seconds: How long it ran.
        exit_code: Of its process; negative is the signal that ended it.
        log: Its whole log.
        last_lines: What it said last; of a traceback the error alone.
    """

    def __init__(
        self, step: str, seconds: float, exit_code: int, log: Path, last_lines: tuple[str, ...]
    ) -> None:
        self.step, self.seconds, self.exit_code = step, seconds, exit_code
        self.log, self.last_lines = log, last_lines
        said = "".join(f"\n  {line}" for line in last_lines)
        ended = f"step {step} failed after {seconds:.1f} s (exit code {exit_code})"
        super().__init__(f"{ended}{said}\n  log: {log}")
