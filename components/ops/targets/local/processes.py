"""Processes that outlive the step that started them, and free ports for them.

A process is recorded with the moment of its start, so that a later one with the same id is never
mistaken for it. It also carries its serving folder as an environment variable, so that it is found
even if the record was lost. Both are read from ``/proc``: local serving needs Linux.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from components.ops.targets.local.record import Process

HOST = "127.0.0.1"
FOLDER_VARIABLE = "RATOON_SERVING_FOLDER"
# Below the range from which the system draws ports for outgoing connections: none of those can
# take the port between the choice and the moment when the server binds it.
_MIN_PORT, _MAX_PORT = 20_000, 32_000
_PORT_ATTEMPTS = 200
_PROC = Path("/proc")
_POLL_S = 0.05


def is_free(port: int) -> bool:
    """Whether a server could bind the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Returns a port that no server has; OSError if none was found."""
    for _ in range(_PORT_ATTEMPTS):
        port = _MIN_PORT + secrets.randbelow(_MAX_PORT - _MIN_PORT)
        if is_free(port):
            return port
    raise OSError(f"no free port found between {_MIN_PORT} and {_MAX_PORT}")


def start(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path
) -> Process:
    """Starts a process in a session of its own, so that it outlives this one.

    Its output is appended to the log; by its serving folder it is found again.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            env={**environment, FOLDER_VARIABLE: str(folder.resolve())},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child.returncode = 0  # Popen would warn that nobody waited for it
    return Process(pid=child.pid, started=_start_time(child.pid) or "")


def is_running(process: Process) -> bool:
    """Whether this very process still runs; a later one with the same id does not count."""
    return bool(process.started) and _start_time(process.pid) == process.started


def end(process: Process, grace_s: float) -> None:
    """Sends SIGTERM, and SIGKILL if the process still runs after the grace period."""
    deadline = time.monotonic() + grace_s
    _signal(process, signal.SIGTERM)
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    _signal(process, signal.SIGKILL)
    while is_running(process):
        time.sleep(_POLL_S)


def find_processes(folder: Path, besides: Collection[Process] = ()) -> tuple[Process, ...]:
    """Finds the processes that were started for a serving folder, recorded or not.

    Leaves out `besides` and all that those started themselves.
    """
    wanted = f"{FOLDER_VARIABLE}={folder.resolve()}".encode()
    known = {os.getpid(), *(process.pid for process in besides)}
    found = []
    for entry in _PROC.glob("[0-9]*"):
        pid = int(entry.name)
        try:
            belongs = wanted in (entry / "environ").read_bytes().split(b"\0")
            session = os.getsid(pid) if belongs else 0
        except OSError:  # ended meanwhile, or another user's
            continue
        started = _start_time(pid) if belongs and known.isdisjoint({pid, session}) else None
        if started:
            found.append(Process(pid=pid, started=started))
    return tuple(found)


def _signal(process: Process, number: signal.Signals) -> None:
    if is_running(process):
        with suppress(ProcessLookupError):  # ended between the two lines
            os.kill(process.pid, number)


def _start_time(pid: int) -> str | None:
    """Boot id and start in clock ticks since the boot; None for a process that ended."""
    try:
        status = (_PROC / f"{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    # The name stands in brackets and may hold anything; the fields after it begin with the state.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
