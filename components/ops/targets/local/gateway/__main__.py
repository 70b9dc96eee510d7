"""``python -m components.ops.targets.local.gateway --folder <folder> --port <port>``."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from components.ops.targets.local.gateway.proxy import serve
from components.ops.targets.local.gateway.table import Table


async def _run(folder: Path, port: int, timeout_s: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(Table(folder), port, stop, timeout_s)


def main() -> None:
    """Runs the gateway until it is told to end."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the serving folder")
    parser.add_argument("--port", type=int, required=True, help="where clients find it")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="for one answer")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_run(options.folder, options.port, options.timeout_s))


if __name__ == "__main__":
    main()
