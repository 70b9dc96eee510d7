"""Pods of a namespace that is not there: each an address of this machine with a small real server.

A pod's address is 127.0.x.y, and one server behind all of them tells by it which pod is asked.
"""

import itertools
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from components.core.artifacts import SERVER_LATENCY_BOUNDS_MS

_addresses = itertools.count(2)


@dataclass
class Server:
    """What one model server has counted, and how it behaves."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    is_mute: bool = False

    def count(self, requests: int, status: int = 200, seconds: float = 0.004) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + requests
        self.seconds += [seconds] * requests

    def metrics(self) -> str:
        lines = ["# TYPE ratoon_request_seconds histogram"]
        bounds = [bound / 1000 for bound in SERVER_LATENCY_BOUNDS_MS]
        for bound in bounds:
            below = sum(seconds <= bound for seconds in self.seconds)
            lines.append(f'ratoon_request_seconds_bucket{{le="{bound}"}} {below}')
        total = len(self.seconds)
        lines.append(f'ratoon_request_seconds_bucket{{le="+Inf"}} {total}')
        lines += [f"ratoon_request_seconds_sum {sum(self.seconds)}"]
        lines += [f"ratoon_request_seconds_count {total}"]
        lines.append("# TYPE ratoon_requests counter")
        lines += [
            f'ratoon_requests_total{{protocol="v2",status="{status}"}} {n}'
            for status, n in self.statuses.items()
        ]
        return "\n".join(lines) + "\n"


class Servers:
    """The servers of all pods, by address."""

    def __init__(self) -> None:
        self.by_address: dict[str, Server] = {}
        servers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server = servers.by_address.get(self.headers["Host"].rpartition(":")[0])
                known = server is not None and not server.is_mute
                body = server.metrics() if known and self.path == "/metrics" else "{}"
                self.send_response(200 if known else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def start(self) -> tuple[str, Server]:
        number = next(_addresses)
        address = f"127.{1 + number // 60_000}.{number // 250 % 240}.{1 + number % 250}"
        self.by_address[address] = server = Server()
        return address, server

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)
