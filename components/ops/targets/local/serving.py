"""What a person asks of a serving folder: what serves there, start it again, stop it."""

from pathlib import Path

from components.core.errors import InputError
from components.ops.targets.local import processes
from components.ops.targets.local.processes import is_running
from components.ops.targets.local.record import (
    LocalRecord,
    LocalVersion,
    Process,
    RecordFile,
    ServerProcess,
)
from components.ops.targets.local.servers import address_of
from components.ops.targets.local.target import LocalTarget
from components.ops.targets.target_uri import LocalTargetUri

_GRACE_S = 30.0


def read_record(folder: Path) -> LocalRecord:
    """Reads what serves in a folder; InputError if nothing was ever deployed there."""
    record = RecordFile(folder).read()
    if record is None:
        raise InputError(str(folder), "no record of served models", "a folder that serves")
    return record


def serve(folder: Path) -> LocalRecord:
    """Starts the champion and the gateway of a folder unless they run.

    Raises:
        InputError: Nothing was ever deployed there.
        DeadlineExceeded: The champion's server does not become ready.
    """
    LocalTarget(LocalTargetUri(folder), read_record(folder).model).ensure_serving()
    return read_record(folder)


def stop(folder: Path) -> int:
    """Ends the gateway first, so that no request is lost half answered, and then the servers.

    The record stays, and `serve` starts everything again. A damaged record keeps nothing running:
    the processes are also found by their environment. Returns the number that was ended.
    """
    if not folder.is_dir():
        return 0
    with RecordFile(folder).locked():
        found = [*_recorded(folder), *processes.find_processes(folder)]
        running = [p for p in dict.fromkeys(found) if is_running(p)]
        for process in running:
            processes.end(process, _GRACE_S)
    return len(running)


def describe(record: LocalRecord) -> str:
    """Says what serves and whether its processes run, one line each."""
    lines = [
        f"model     {record.model}",
        f"address   {_address(record.gateway)}",
        f"champion  {_version(record.champion)}",
    ]
    if record.candidate:
        lines.append(f"candidate {_version(record.candidate)}, {record.share:.0%} of the traffic")
    return "\n".join(lines) + "\n"


def _recorded(folder: Path) -> tuple[Process, ...]:
    try:
        record = RecordFile(folder).read()
    except InputError:
        return ()
    return tuple(server.process for server in record.servers) if record else ()


def _address(gateway: ServerProcess | None) -> str:
    if gateway is None:
        return "none yet"
    return f"{address_of(gateway)}{'' if is_running(gateway.process) else ' (not running)'}"


def _version(version: LocalVersion | None) -> str:
    if version is None:
        return "none"
    runs = version.server is not None and is_running(version.server.process)
    return f"{version.version}{'' if runs else ' (not running)'}"
