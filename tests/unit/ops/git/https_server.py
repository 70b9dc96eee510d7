"""A git server over HTTPS: git's own http-backend behind a password, as a real host has it."""

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.fakes.certificate import make_certificate

USER, PASSWORD = "ratoon-bot", "s3cret-Pa55word"


@dataclass
class GitServer:
    """What a server asks for, and what it saw.

    Attributes:
        root: The folder of its repositories.
        watched: A folder in which nobody writes the password.
        trust: The certificate by which it is known.
        url: Its address.
        asked: What was in each ``Authorization``; empty where there was none.
        leaks: Where the password stood while a request was answered: arguments and environments of
            processes, and files.
        is_read_only: Whether the user may not push.
        moved_to: Where every request is sent instead.
        busy: How many requests are answered with 503 first.
    """

    root: Path
    watched: Path
    trust: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    is_read_only: bool = False
    moved_to: str = ""
    busy: int = 0

    @property
    def host(self) -> str:
        return self.url.removeprefix("https://")


def places_with(secret: str, folder: Path) -> list[str]:
    """Files of a folder, and other processes by command line or environment, that hold a text."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    found = [str(file) for file in files if secret.encode() in file.read_bytes()]
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or process.name == str(os.getpid()):
            continue
        for name in ("cmdline", "environ"):
            try:
                content = (process / name).read_bytes()
            except OSError:  # it ended, or is not ours to read
                continue
            if secret.encode() in content:
                found.append(f"{name} {content.decode(errors='replace')}")
    return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    git: GitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        length = int(self.headers.get("Content-Length", "0"))
        self._answer(b"".join(self._chunks()) if chunked else self.rfile.read(length))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        if self.git.moved_to:
            self._send(302, [("Location", self.git.moved_to + self.path)], b"")
            return
        if self.git.busy:
            self.git.busy -= 1
            self._send(503, [], b"")
            return
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.git.asked.append(base64.b64decode(given).decode())
        self.git.leaks += places_with(PASSWORD, self.git.watched)
        if self.git.asked[-1] != f"{USER}:{PASSWORD}":
            self._send(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        elif self.git.is_read_only and "receive-pack" in self.path:
            self._send(403, [], b"")
        else:
            self._send(*self._backend(body))

    def _backend(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        split = urlsplit(self.path)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": split.path,
            "QUERY_STRING": split.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": USER,
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True,
            check=True,
        )  # fmt: skip
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        headers = [(name, value) for name, value in lines if name != "Status"]
        status = next((int(v.split()[0]) for n, v in lines if n == "Status"), 200)
        return status, headers, content

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(root: Path, watched: Path) -> Iterator[GitServer]:
    """Serves the repositories of a folder until the context ends."""
    certificate, key = make_certificate(root)
    made = GitServer(root, watched, certificate)
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"git": made}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    made.url = f"https://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        http.shutdown()
        http.server_close()
        thread.join(10)
