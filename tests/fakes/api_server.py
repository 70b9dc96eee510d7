"""The store over real HTTP, by the paths, verbs and Status errors of the Kubernetes API."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from components.ops.cluster.errors import ApiCall, RbacRule
from tests.fakes.api_faults import Faults
from tests.fakes.api_handlers import Handlers
from tests.fakes.api_paths import ApiRequest, parse_request
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.schemas import known
from tests.fakes.status_errors import StatusError, no_rights
from tests.fakes.store import Store

ADMIN = "fake-admin"


@dataclass(frozen=True)
class User:
    """Whom a token stands for.

    Attributes:
        name: As a 403 names it.
        rules: What it may do in every namespace; None: everything.
    """

    name: str
    rules: tuple[RbacRule, ...] | None = None

    def may(self, call: ApiCall) -> bool:
        """Whether a rule allows it."""
        return self.rules is None or any(
            (rule.group, rule.resource) == (call.group, call.resource) and call.verb in rule.verbs
            for rule in self.rules
        )


@dataclass
class ApiServer:
    """A running fake.

    Attributes:
        store: Its objects.
        faults: What goes wrong now.
        users: By token; change it while the server runs to rotate a token.
        trust: Its certificate; None: plain HTTP.
    """

    store: Store
    faults: Faults = field(default_factory=Faults)
    users: dict[str, User] = field(default_factory=lambda: {ADMIN: User("admin")})
    trust: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _http: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        assert self._http is not None, "not started"
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.trust else 'http'}://127.0.0.1:{self.port}"

    def kubeconfig(self, file: Path, token: str = ADMIN, token_file: Path | None = None) -> Path:
        """Writes a kubeconfig for a token, or for a file that holds one."""
        return write_kubeconfig(file, self.url, token, token_file, self.trust)

    def start(self, port: int = 0, certificate: tuple[Path, Path] | None = None) -> "ApiServer":
        """Listens on 127.0.0.1 in a thread; port 0: a free one."""
        handler = type("Bound", (_Handler,), {"server_of": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._http.daemon_threads = True
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self.trust = certificate[0]
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends every stream and stops to listen."""
        self.stopping.set()
        if self._http:
            self._http.shutdown()
            self._http.server_close()


@contextlib.contextmanager
def running(
    store: Store | None = None, port: int = 0, certificate: tuple[Path, Path] | None = None
) -> Iterator[ApiServer]:
    """A fake of the time of a block; without a store, an empty one."""
    server = ApiServer(store or Store(known())).start(port, certificate)
    try:
        yield server
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: ApiServer

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests read `Faults.seen`."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server_of.stopping.wait(self.server_of.faults.latency_s)
        if self.server_of.stopping.is_set():
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        try:
            self._answer(parts.path, dict(parse_qsl(parts.query)), body)
        except StatusError as refused:
            self.server_of.faults.seen.append((self._call(), refused.code))
            self._refuse(refused)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, path: str, query: Mapping[str, str], body: bytes) -> None:
        server = self.server_of
        what = parse_request(self.command, path, query, server.store.schemas)
        call = self._call()
        fault = server.faults.next(call)
        if fault and not fault.done:
            server.faults.seen.append((call, fault.code))
            return self._fail(fault.code, fault.reason, fault.headers)
        user = self._user()
        answers = Handlers(server.store)
        if path.startswith("/openapi/v3/"):
            return self._say(200, answers.published(path))
        if what is None:
            raise StatusError(404, "", "404 page not found")
        self._allow(user, what)
        if what.verb == "watch":
            server.faults.seen.append((call, 200))
            return self._stream(answers, what)
        code, found = answers.answer(what, _parsed(body), self.headers.get("Content-Type", ""))
        if fault:
            return self._fail(fault.code, fault.reason, fault.headers)
        server.faults.seen.append((call, code))
        return self._say(code, found)

    def _call(self) -> ApiCall:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        what = parse_request(self.command, parts.path, query, self.server_of.store.schemas)
        return what.call if what else ApiCall(self.command.lower(), "", parts.path, "")

    def _user(self) -> User:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        user = self.server_of.users.get(token)
        if user is None or scheme.lower() != "bearer":
            raise StatusError(401, "Unauthorized", "Unauthorized")
        return user

    def _allow(self, user: User, what: ApiRequest) -> None:
        new = what.verb == "patch" and not self._exists(what)
        for verb in (what.verb, *(["create"] if new else [])):
            call = ApiCall(verb, what.call.group, what.call.resource, what.namespace, what.name)
            if not user.may(call):
                raise no_rights(user.name, verb, what.kind, what.namespace, what.name)

    def _exists(self, what: ApiRequest) -> bool:
        try:
            self.server_of.store.read(what.kind, what.namespace, what.name)
        except StatusError:
            return False
        return True

    def _stream(self, answers: Handlers, what: ApiRequest) -> None:
        faults, stopping = self.server_of.faults, self.server_of.stopping
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if faults.silent_watches:
            stopping.wait()
        if faults.end_watches:
            return self._chunk(b"")
        try:
            for count, line in enumerate(answers.stream(what, stopping.is_set), start=1):
                self._chunk(json.dumps(line).encode() + b"\n")
                if faults.cut_watch_after is not None and count >= faults.cut_watch_after:
                    self.close_connection = True
                    return
        except StatusError as refused:
            line = {"type": "ERROR", "object": refused.status()}
            self._chunk(json.dumps(line).encode() + b"\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _refuse(self, refused: StatusError) -> None:
        if not refused.reason and refused.code == 404:
            return self._send(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        return self._say(refused.code, refused.status())

    def _fail(self, code: int, reason: str, headers: Mapping[str, str]) -> None:
        if not code:
            self.close_connection = True
            return
        status = StatusError(code, reason, f"the fake was told to say {reason}").status()
        self._send(code, json.dumps(status).encode() if reason else b"away", headers)

    def _say(self, code: int, found: Mapping[str, Any]) -> None:
        self._send(code, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        drip_s = self.server_of.faults.drip_s
        for part in [body[at : at + 1] for at in range(len(body))] if drip_s else [body]:
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(drip_s)


def _parsed(body: bytes) -> Any:
    try:
        return yaml.safe_load(body) if body else None
    except yaml.YAMLError as error:
        raise StatusError(400, "BadRequest", f"the body is no YAML: {error}") from error
