"""``python -m components.ops.targets.local.gateway --folder <folder> --port <port>``."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

import aiohttp
from aiohttp import web

from components.ops.targets.local.gateway.proxy import Proxy, RouteTable
from components.ops.targets.local.processes import HOST


async def serve(folder: Path, port: int, timeout_s: float) -> None:
    """Serves until SIGTERM or SIGINT, then finishes the requests under way."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Servers close idle connections after 5 s; ours close first, so that none breaks in use.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        server = web.Server(Proxy(RouteTable(folder), session).handle, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=timeout_s)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        await stop.wait()
        await runner.cleanup()


def main() -> None:
    """Runs the gateway until it is told to end."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the serving folder")
    parser.add_argument("--port", type=int, required=True, help="where clients find it")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="for one response")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(serve(options.folder, options.port, options.timeout_s))


if __name__ == "__main__":
    main()
