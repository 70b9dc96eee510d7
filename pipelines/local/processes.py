"""The processes of running steps, each in a group of its own, and the logs that they write."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from components.core.errors import InputError, RatoonError, RunError

GRACE_S = 5.0
READ_AT_MOST_BYTES = 64 * 1024
INPUTS = "Got executor_input:"
TRACEBACK = "Traceback (most recent call last):"


class StepProcesses:
    """Starts steps and can stop all that run, from any thread.

    Attributes:
        stopped: Whether no further step may start.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
        pid_file: Path,
    ) -> int:
        """Runs one step to its end, its output going to a log.

        The log is a file, not a pipe: a server that the step leaves behind would hold a pipe open.

        Returns:
            The exit code.

        Raises:
            RunError: There is no such program, or its command line is too long.
        """
        with log.open("ab") as stream:
            try:
                process = subprocess.Popen(
                    command,
                    env=dict(environment),
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            except OSError as error:
                raise RunError(f"{command[0]!r} cannot be started: {error}") from error
        pid_file.write_text(str(process.pid))
        try:
            return process.wait()
        finally:
            self._end(process)
            pid_file.unlink(missing_ok=True)

    def interrupt(self) -> None:
        """Tells every running step to stop and lets none start after; safe in a signal handler."""
        self.stopped = True
        self._signal_all(signal.SIGTERM)
        killer = threading.Timer(GRACE_S, self._signal_all, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def stop(self) -> None:
        """Stops every running step, waits for their end and lets none start after."""
        self.stopped = True
        for process in tuple(self._running):
            self._end(process)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in tuple(self._running):
            signal_group(process.pid, number)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            signal_group(process.pid, signal.SIGTERM)
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                signal_group(process.pid, signal.SIGKILL)
                process.wait()
        # As a container ends with its first process, so does what else is in the group.
        signal_group(process.pid, signal.SIGKILL)
        self._running.discard(process)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signals a process group, which may be gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def stop_orphan(pid_file: Path, mark: str) -> None:
    """Stops a step that outlived its runner, which was killed.

    The step's command line must hold `mark`, because process ids are reused.
    """
    if not pid_file.exists():
        return
    text = pid_file.read_text()
    pid_file.unlink()
    if not text.isdigit() or mark not in _command_line(int(text)):
        return
    deadline = time.monotonic() + GRACE_S
    signal_group(int(text), signal.SIGTERM)
    while mark in _command_line(int(text)) and time.monotonic() < deadline:
        time.sleep(0.05)
    signal_group(int(text), signal.SIGKILL)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def last_lines(log: Path, at_most: int = 15) -> tuple[str, ...]:
    """The end of a log; of a traceback only the error at its end."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - READ_AT_MOST_BYTES))
        text = stream.read().decode(errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tuple(_without_frames(_after_inputs(lines))[-at_most:])


def ended_by_input_error(log: Path) -> bool:
    """Whether a step ended by an error that a person has to mend, so that a retry is no use."""
    return any(line.startswith(f"{InputError.__name__}: ") for line in last_lines(log))


def _after_inputs(lines: list[str]) -> list[str]:
    # kfp's executor prints all inputs first, which the step did not log itself.
    starts = [i for i, line in enumerate(lines) if line.endswith(INPUTS)]
    ends = [i for i, line in enumerate(lines) if line == "}" and starts and i > starts[-1]]
    return lines[ends[0] + 1 :] if ends else lines


def _without_frames(lines: list[str]) -> list[str]:
    starts = [i for i, line in enumerate(lines) if line.startswith(TRACEBACK)]
    if not starts:
        return lines
    frames = lines[starts[-1] + 1 :]
    error = next((i for i, line in enumerate(frames) if not line.startswith(" ")), None)
    if error is None:
        return lines
    # The module of an error's class tells a reader nothing.
    return [frames[error].removeprefix(f"{RatoonError.__module__}."), *frames[error + 1 :]]


@contextmanager
def follow_log(log: Path, say: Callable[[str], None] | None) -> Iterator[None]:
    """Passes on every line of a log, which exists, while it is written; None follows nothing."""
    if say is None:
        yield
        return
    finished = threading.Event()
    follower = threading.Thread(target=_copy_lines, args=(log, say, finished), daemon=True)
    follower.start()
    try:
        yield
    finally:
        finished.set()
        follower.join()


def _copy_lines(log: Path, say: Callable[[str], None], finished: threading.Event) -> None:
    with log.open(errors="replace") as stream:
        rest = ""
        while True:
            was_finished = finished.wait(0.1)
            *lines, rest = (rest + stream.read()).split("\n")
            for line in lines:
                say(line)
            if was_finished:
                break
        if rest:
            say(rest)
