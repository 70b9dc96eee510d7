"""Processes that outlive the step that started them, found again and ended without a mistake."""

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from components.ops.targets.local.record import Process

MARK = "RATOON_SERVING_FOLDER"
_PROC = Path("/proc")
_POLL_S = 0.05


def start(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path
) -> Process:
    """Starts a process in a session of its own, so that the end of this one does not end it.

    Args:
        command: Program and arguments.
        environment: All its environment variables.
        log: The file that its output is appended to.
        folder: The serving folder that it belongs to, by which it is found again.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            env={**environment, MARK: str(folder.resolve())},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child.returncode = 0  # it is not waited for here: silences Popen's complaint about that
    return Process(pid=child.pid, started=_started(child.pid) or "")


def is_running(process: Process) -> bool:
    """Whether this very process still runs; a later one with the same id does not count."""
    return bool(process.started) and _started(process.pid) == process.started


def end(process: Process, grace_s: float) -> None:
    """Asks a process to end (SIGTERM) and, where it does not within the grace period, ends it."""
    deadline = time.monotonic() + grace_s
    _signal(process, signal.SIGTERM)
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    _signal(process, signal.SIGKILL)
    while is_running(process):
        time.sleep(_POLL_S)


def belonging_to(folder: Path, besides: Collection[Process] = ()) -> tuple[Process, ...]:
    """Finds the processes that were started for a serving folder, whether recorded or not.

    Args:
        folder: The serving folder.
        besides: Processes left out, with all that they started themselves.

    Returns:
        The processes; none where there is no /proc.
    """
    mark = f"{MARK}={folder.resolve()}".encode()
    known = {os.getpid(), *(process.pid for process in besides)}
    found = []
    for entry in _PROC.glob("[0-9]*"):
        pid = int(entry.name)
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
            session = os.getsid(pid) if marked else 0
        except OSError:  # ended meanwhile, or another user's
            continue
        started = _started(pid) if marked and known.isdisjoint({pid, session}) else None
        if started:
            found.append(Process(pid=pid, started=started))
    return tuple(found)


def _signal(process: Process, number: signal.Signals) -> None:
    if not is_running(process):
        return
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:  # ended between the two lines
        return


def _started(pid: int) -> str | None:
    """When a process started, as the system tells it; None for one that ended."""
    return _started_by_proc(pid) if _PROC.exists() else _started_by_ps(pid)


def _started_by_proc(pid: int) -> str | None:
    """Boot id and start in clock ticks since the boot."""
    try:
        status = (_PROC / f"{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    # The name stands in brackets and may hold anything; the fields after it begin with the state.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _started_by_ps(pid: int) -> str | None:
    """The same where there is no /proc, as on macOS: state and second of the start."""
    asked = subprocess.run(
        ("ps", "-o", "stat=,lstart=", "-p", str(pid)), capture_output=True, text=True, check=False
    )
    state, _, start_time = asked.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else start_time.strip()
