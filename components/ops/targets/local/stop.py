"""``python -m components.ops.targets.local.stop <folder>``: ends all that serves there."""

import argparse
import sys
from pathlib import Path

from components.core.errors import InputError
from components.ops.targets.local import processes
from components.ops.targets.local.record import Process, RecordFile

_GRACE_S = 30.0


def stop(folder: Path) -> int:
    """Ends the gateway, so that no request is lost half answered, and then the servers.

    The record stays: `local.serve` brings everything back. A damaged record does not keep anything
    running, for the processes are also known by their mark.

    Args:
        folder: The serving folder.

    Returns:
        The number of processes that were ended.
    """
    if not folder.is_dir():
        return 0
    with RecordFile(folder).locked():
        found = [*_recorded(folder), *processes.belonging_to(folder)]
        running = [p for p in dict.fromkeys(found) if processes.is_running(p)]
        for process in running:
            processes.end(process, _GRACE_S)
    return len(running)


def _recorded(folder: Path) -> tuple[Process, ...]:
    try:
        record = RecordFile(folder).read()
    except InputError:
        return ()
    return tuple(server.process for server in record.servers) if record else ()


def main() -> None:
    """Ends what serves in the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="stop", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of local://<folder>")
    stopped = stop(parser.parse_args().folder)
    sys.stdout.write(f"{stopped} process(es) ended\n" if stopped else "nothing was running\n")


if __name__ == "__main__":
    main()
