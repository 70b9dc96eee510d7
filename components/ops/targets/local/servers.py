"""Model servers on this machine, one process for each version."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from components.core.errors import DeadlineExceeded, InputError
from components.ops.targets.local import ports, processes
from components.ops.targets.local.record import Deployed, Server

COMMAND_VARIABLE = "RATOON_SERVER_COMMAND"
_CODE = Path(__file__).resolve().parents[4]
_POLL_S = 0.1
_LOG_LINES = 12
# A variable of this step's own interpreter must not reach the server's.
_FOREIGN = ("PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def server_command(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command that serves a model folder, with {model_dir}, {port} and {log} to fill in.

    RATOON_SERVER_COMMAND, a JSON list, stands in for our own server, which runs in the `model`
    virtualenv of RATOON_ENVS, or of the checkout where that is not set.

    Raises:
        InputError: A variable does not say what it should, or there is no such virtualenv.
    """
    given = environment.get(COMMAND_VARIABLE)
    if given is not None:
        return _parsed(given)
    envs = environment.get("RATOON_ENVS") or str(_CODE / ".venv")
    python = Path(envs, "model", "bin", "python").absolute()
    if not python.exists():
        accepted = "the folder of the images' virtualenvs, with model/bin/python in it"
        raise InputError(
            "environment variable RATOON_ENVS", envs, accepted, "Run by way of make, or set it."
        )
    options = ("--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}")
    module = ("-m", "components.model.serve", "--host", ports.HOST)
    return (str(python), *module, *options)


def start_server(
    command: Sequence[str], folder: Path, deployed: Deployed, model_dir: Path
) -> Server:
    """Starts the server of a version; it is not ready when this returns.

    Args:
        command: As `server_command` gives it.
        folder: The serving folder.
        deployed: The version.
        model_dir: Its published model folder.
    """
    port = ports.free_port()
    values = {"{model_dir}": str(model_dir.resolve()), "{port}": str(port), "{log}": deployed.log}
    filled = [values.get(word, word) for word in command]
    log = server_log(folder, deployed.version)
    environment = server_environment(os.environ, filled[0])
    return Server(port=port, process=processes.start(filled, environment, log, folder))


def server_environment(environment: Mapping[str, str], program: str) -> dict[str, str]:
    """This step's environment variables, made fit for a program of another virtualenv."""
    kept = {name: value for name, value in environment.items() if name not in _FOREIGN}
    folder = str(Path(program).parent)
    path = f"{folder}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(_CODE), "PYTHONUNBUFFERED": "1"}


def await_ready(server: Server, model: str, log: Path, timeout_s: float) -> str:
    """Waits until a server says that its model is ready.

    Args:
        server: The server.
        model: The model's name.
        log: The file of its output, for the error.
        timeout_s: How long to wait.

    Returns:
        Its base URL.

    Raises:
        DeadlineExceeded: It ended, or was not ready in time.
    """
    url = f"http://{ports.HOST}:{server.port}"
    deadline = time.monotonic() + timeout_s
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        while True:
            ready = _is_ready(client, f"{url}/v2/models/{model}/ready")
            if not processes.is_running(server.process):
                raise DeadlineExceeded(f"the server ended before it was ready.{last_words(log)}")
            if ready:
                return url
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"the server was not ready within {timeout_s:g} s.{last_words(log)}"
                )
            time.sleep(_POLL_S)


def server_log(folder: Path, version: str) -> Path:
    """The file that the output of a version's server goes to."""
    return folder / "logs" / f"{version}.log"


def last_words(log: Path) -> str:
    """The last lines of a log, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join([f"\nLast lines of {log}:", *lines[-_LOG_LINES:]]) if lines else ""


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _parsed(text: str) -> tuple[str, ...]:
    try:
        words = json.loads(text)
    except json.JSONDecodeError:
        words = None
    listed = isinstance(words, list) and all(isinstance(word, str) for word in words)
    if not listed or not words or "{port}" not in words or "{model_dir}" not in words:
        accepted = 'a JSON list of words with "{model_dir}" and "{port}" among them'
        raise InputError(f"environment variable {COMMAND_VARIABLE}", text, accepted)
    return tuple(words)
