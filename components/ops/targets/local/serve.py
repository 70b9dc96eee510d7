"""``python -m components.ops.targets.local.serve <folder>``: brings back what served there.

With ``--status`` it only says what serves.
"""

import argparse
import sys
from pathlib import Path

from components.core.errors import InputError, RatoonError
from components.ops.targets.local.gateway.client import address_of
from components.ops.targets.local.place import LocalPlace
from components.ops.targets.local.processes import is_running
from components.ops.targets.local.record import Deployed, LocalRecord, RecordFile, Server
from components.ops.targets.local.target import LocalTarget


def serve(folder: Path) -> LocalRecord:
    """Brings back the champion and the gateway of a folder where they do not run.

    Raises:
        InputError: Nothing was ever deployed there.
        DeadlineExceeded: The champion's server does not become ready.
    """
    record = _read(folder)
    LocalTarget(LocalPlace(folder), record.model).ensure_serving()
    return _read(folder)


def describe(record: LocalRecord) -> str:
    """What a record says, and whether its processes run, one line each."""
    lines = [
        f"model     {record.model}",
        f"address   {_place(record.gateway)}",
        f"champion  {_version(record.champion)}",
    ]
    if record.candidate:
        lines.append(f"candidate {_version(record.candidate)}, {record.share:.0%} of the traffic")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Brings back what served in the folder named on the command line, and says what it is."""
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of local://<folder>")
    parser.add_argument("--status", action="store_true", help="only say what serves")
    options = parser.parse_args()
    try:
        record = _read(options.folder) if options.status else serve(options.folder)
    except RatoonError as error:
        sys.exit(str(error))
    sys.stdout.write(describe(record))


def _read(folder: Path) -> LocalRecord:
    record = RecordFile(folder).read()
    if record is None:
        raise InputError(str(folder), "no record of served models", "a folder that serves")
    return record


def _place(gateway: Server | None) -> str:
    if gateway is None:
        return "none yet"
    return f"{address_of(gateway)}{'' if is_running(gateway.process) else ' (not running)'}"


def _version(deployed: Deployed | None) -> str:
    if deployed is None:
        return "none"
    runs = deployed.server is not None and is_running(deployed.server.process)
    return f"{deployed.version}{'' if runs else ' (not running)'}"


if __name__ == "__main__":
    main()
