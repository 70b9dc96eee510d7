"""Starts the model servers and the gateway of a serving folder, and waits until they answer."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx
from pydantic import TypeAdapter, ValidationError

from components.core.errors import ApiUnavailable, DeadlineExceeded, InputError
from components.ops.targets.local import processes
from components.ops.targets.local.gateway.metrics import GatewayCounts
from components.ops.targets.local.record import LocalVersion, ServerProcess
from components.ops.targets.target_uri import DEFAULT_PORT, LOCAL_SCHEME, LocalTargetUri

COMMAND_VARIABLE = "RATOON_SERVER_COMMAND"
_CODE = Path(__file__).resolve().parents[4]
_GATEWAY_LOG = "gateway.log"
_GATEWAY_START_TIMEOUT_S = 30.0
_GATEWAY_TIMEOUT_S = 5.0
_POLL_S = 0.1
_LOG_LINES = 12
# Variables of this step's own interpreter that must not reach the server's.
_INTERPRETER_VARIABLES = ("PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def server_command(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the command that serves a model folder, with {model_dir}, {port}, {log} to fill in.

    RATOON_SERVER_COMMAND, a JSON list, replaces our own server, which runs in the `model`
    virtualenv of RATOON_ENVS, by default the checkout's.

    Raises:
        InputError: A variable is malformed, or there is no such virtualenv.
    """
    given = environment.get(COMMAND_VARIABLE)
    if given is not None:
        return _parse_command(given)
    envs = environment.get("RATOON_ENVS") or str(_CODE / ".venv")
    python = Path(envs, "model", "bin", "python").absolute()
    if not python.exists():
        accepted = "the folder of the images' virtualenvs, with model/bin/python in it"
        raise InputError(
            "environment variable RATOON_ENVS", envs, accepted, "Run it through make, or set it."
        )
    options = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
    module = ("-m", "components.model.serve", "--host", processes.HOST)
    return (str(python), *module, *options)


def start_server(
    command: Sequence[str], folder: Path, version: LocalVersion, model_dir: Path
) -> ServerProcess:
    """Starts the server of a version, and does not wait for it."""
    port = processes.free_port()
    values = {"{model_dir}": str(model_dir.resolve()), "{port}": str(port), "{log}": version.log}
    filled = [values.get(word, word) for word in command]
    log = server_log(folder, version.version)
    environment = server_environment(os.environ, filled[0])
    return ServerProcess(port=port, process=processes.start(filled, environment, log, folder))


def server_environment(environment: Mapping[str, str], program: str) -> dict[str, str]:
    """Adapts this step's environment variables to a program of another virtualenv."""
    kept = {
        name: value for name, value in environment.items() if name not in _INTERPRETER_VARIABLES
    }
    folder = str(Path(program).parent)
    path = f"{folder}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(_CODE), "PYTHONUNBUFFERED": "1"}


def wait_server_ready(server: ServerProcess, model: str, log: Path, timeout_s: float) -> str:
    """Waits until a server reports its model as ready, and returns its base URL.

    Raises:
        DeadlineExceeded: It ended, or was not ready in time.
    """
    url = f"http://{processes.HOST}:{server.port}"
    deadline = time.monotonic() + timeout_s
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        while True:
            ready = _answers_ready(client, f"{url}/v2/models/{model}/ready")
            if not processes.is_running(server.process):
                raise DeadlineExceeded(f"the server ended before it was ready.{log_tail(log)}")
            if ready:
                return url
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"the server was not ready within {timeout_s:g} s.{log_tail(log)}"
                )
            time.sleep(_POLL_S)


def server_log(folder: Path, version: str) -> Path:
    """Returns the file for the output of a version's server."""
    return folder / "logs" / f"{version}.log"


def log_tail(log: Path) -> str:
    """Returns the last lines of a log, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join([f"\nLast lines of {log}:", *lines[-_LOG_LINES:]]) if lines else ""


def _answers_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _parse_command(text: str) -> tuple[str, ...]:
    try:
        words = TypeAdapter(tuple[str, ...]).validate_json(text)
    except ValidationError:
        words = ()
    if not {"{model_dir}", "{port}"} <= set(words):
        accepted = 'a JSON list of words with "{model_dir}" and "{port}" among them'
        raise InputError(f"environment variable {COMMAND_VARIABLE}", text, accepted)
    return words


@dataclass(frozen=True)
class LocalGateway:
    """The gateway of one serving folder."""

    target_uri: LocalTargetUri

    def start(self, recorded: ServerProcess | None) -> ServerProcess:
        """Starts it unless it runs, and does not wait; InputError if the named port is taken."""
        if recorded and processes.is_running(recorded.process):
            return recorded
        port = self._choose_port(recorded)
        folder = self.target_uri.folder.resolve()
        module = ("-m", "components.ops.targets.local.gateway")
        command = (sys.executable, *module, "--folder", str(folder), "--port", str(port))
        environment = server_environment(os.environ, sys.executable)
        log = folder / "logs" / _GATEWAY_LOG
        return ServerProcess(port=port, process=processes.start(command, environment, log, folder))

    def wait_listening(self, gateway: ServerProcess) -> None:
        """Waits until it answers; ApiUnavailable if it ended, or did not answer in time."""
        deadline = time.monotonic() + _GATEWAY_START_TIMEOUT_S
        while processes.is_running(gateway.process) and time.monotonic() < deadline:
            try:
                self.read(gateway)
            except ApiUnavailable:
                time.sleep(_POLL_S)
            else:
                return
        words = log_tail(self.target_uri.folder / "logs" / _GATEWAY_LOG)
        raise ApiUnavailable(f"the gateway on port {gateway.port} does not answer.{words}")

    def read(self, gateway: ServerProcess) -> GatewayCounts:
        """Reads its counts; ApiUnavailable if it does not answer."""
        try:
            return GatewayCounts.model_validate_json(_get(gateway.port, "/-/traffic"))
        except (OSError, HTTPException, ValidationError) as error:
            raise ApiUnavailable(f"{address_of(gateway)}/-/traffic: {error!r}") from error

    def _choose_port(self, recorded: ServerProcess | None) -> int:
        wanted = self.target_uri.port or (recorded.port if recorded else DEFAULT_PORT)
        if processes.is_free(wanted):
            return wanted
        if self.target_uri.port is None:
            return processes.free_port()
        raise InputError(
            "serving.target",
            f"port {wanted}, which another program listens on",
            "a free port",
            "End that program, or choose another port: "
            f"{LOCAL_SCHEME}{self.target_uri.folder}?port={processes.free_port()}",
        )


def _get(port: int, path: str) -> bytes:
    connection = HTTPConnection(processes.HOST, port, timeout=_GATEWAY_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def address_of(gateway: ServerProcess) -> str:
    """Returns the URL that clients use."""
    return f"http://{processes.HOST}:{gateway.port}"
