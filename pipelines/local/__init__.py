"""The laptop runner: the compiled KFP pipeline of a cluster, on this machine."""

from pipelines.local.errors import StepFailed
from pipelines.local.machine import Machine
from pipelines.local.progress import Quiet, TerminalProgress
from pipelines.local.result import Observer, RunResult, StepResult
from pipelines.local.runner import run

__all__ = [
    "Machine",
    "Observer",
    "Quiet",
    "RunResult",
    "StepFailed",
    "StepResult",
    "TerminalProgress",
    "run",
]
