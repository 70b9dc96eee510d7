"""A predictor pod: the storage initializer, and a real model server that is started again."""

import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.core import storage
from components.core.errors import RatoonError
from components.ops.targets.local import processes
from components.ops.targets.local.record import ServerProcess
from components.ops.targets.local.servers import (
    COMMAND_VARIABLE,
    log_tail,
    server_command,
    server_environment,
)
from tests.fakes.kserve_template import Template

_POLL_S = 0.1
_BACK_OFF_S, _MOST_BACK_OFF_S = 0.5, 10.0
_DRAIN_S = 0.5  # until no gateway sends anything any more
_GRACE_S = 30.0
_FETCH = (
    "import sys; from pathlib import Path; from components.core import storage; "
    "storage.fetch_folder(sys.argv[1], Path(sys.argv[2]))"
)


@dataclass(frozen=True)
class PodState:
    """A pod as the kubelet would report it.

    Attributes:
        server: Its server; None: not started yet.
        ready: Whether its readiness probe is answered.
        restarts: How often its container was started again.
        words: The last words of the container that ended last; empty: none did.
        initialized: Whether the model was copied to it.
        terminating: Whether it was told to end.
        gone: Whether it has ended for good.
    """

    server: ServerProcess | None = None
    ready: bool = False
    restarts: int = 0
    words: str = ""
    initialized: bool = False
    terminating: bool = False
    gone: bool = False

    @property
    def failed(self) -> bool:
        """Whether its container ended and was not ready again since."""
        return bool(self.words) and not self.ready


class ModelPod:
    """One pod, kept alive by a thread of its own.

    Args:
        name: Its name.
        template: What it is made from.
        folder: Of the InferenceService: models, logs, and the mark of its processes.
        revision: The Knative revision; None: a pod of a Deployment.
    """

    def __init__(
        self, name: str, template: Template, folder: Path, revision: str | None = None
    ) -> None:
        self.name, self.template, self.revision = name, template, revision
        self._folder, self._models = folder, folder / "models" / name
        self._log = folder / "logs" / f"{name}.log"
        self.port = processes.free_port()
        self._stop = threading.Event()
        self._state = PodState()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def state(self) -> PodState:
        """As it is now."""
        return self._state

    @property
    def command(self) -> tuple[str, ...]:
        """What runs in it: the merged arguments, and last what only this machine knows."""
        port = str(self.port)
        words = server_command(os.environ)
        if COMMAND_VARIABLE in os.environ:  # another server stands in for ours
            log = self._argument("--log")
            known = {"{model_dir}": str(self._models), "{port}": port, "{log}": log}
            return tuple(known.get(word, word) for word in words)
        here = ("--model-dir", str(self._models), "--host", processes.HOST, "--port", port)
        return (words[0], "-m", "components.model.serve", *self.template.args, *here)

    def stop(self) -> None:
        """Tells it to end; it answers what it was asked before."""
        self._stop.set()

    def join(self) -> None:
        """Waits for its end."""
        self._thread.join()

    def _run(self) -> None:
        wait_s = _BACK_OFF_S
        while not self._stop.is_set():
            words = self._live()
            if self._stop.is_set():
                break
            restarts = self._state.restarts + 1
            self._state = self._with(ready=False, restarts=restarts, words=words)
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, _MOST_BACK_OFF_S)
        self._end()

    def _live(self) -> str:
        """Runs until told to stop or until the server ended; its last words."""
        if not self._state.initialized:
            problem = self._initialize()
            if problem:
                return problem
        command = self.command
        environment = server_environment(os.environ, command[0])
        process = processes.start(command, environment, self._log, self._folder)
        self._state = self._with(server=ServerProcess(port=self.port, process=process))
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while not self._stop.wait(_POLL_S):
                if not processes.is_running(process):
                    return log_tail(self._log).strip() or "the container ended without a word"
                ready = self._answers(client, f"http://{processes.HOST}:{self.port}")
                if ready != self._state.ready:
                    words = "" if ready else self._state.words
                    self._state = self._with(ready=ready, words=words)
        return ""

    def _initialize(self) -> str:
        """Copies the model, everything of it, as KServe's storage initializer does."""
        shutil.rmtree(self._models, ignore_errors=True)
        try:
            _copy(self.template.uri, self._models)
        except (RatoonError, OSError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stderr", None) or str(error)
            return f"storage-initializer: {output.strip()}"
        self._state = self._with(initialized=True)
        return ""

    def _answers(self, client: httpx.Client, url: str) -> bool:
        path = self.template.ready_path
        if COMMAND_VARIABLE in os.environ:
            path = f"/v2/models/{self._argument('--name')}/ready"
        try:
            return client.get(f"{url}{path}").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _end(self) -> None:
        self._state = self._with(terminating=True)
        if self._state.server:
            if self._state.ready:
                threading.Event().wait(_DRAIN_S)
            processes.end(self._state.server.process, _GRACE_S)
        shutil.rmtree(self._models, ignore_errors=True)
        self._state = self._with(ready=False, gone=True)

    def _with(self, **changes: object) -> PodState:
        return PodState(**{**vars(self._state), **changes})  # type: ignore[arg-type]

    def _argument(self, name: str) -> str:
        args = self.template.args
        return args[args.index(name) + 1] if name in args else self.template.service


def _copy(uri: str, into: Path) -> None:
    if uri.startswith(("file://", "pvc://")):
        storage.fetch_folder(uri, into)
        return
    # The clients of object stores live in the environment of our image.
    envs = os.environ.get("RATOON_ENVS") or str(Path(__file__).parents[2] / ".venv")
    python = Path(envs, "ops", "bin", "python").absolute()
    environment = server_environment(os.environ, str(python))
    command = (str(python) if python.exists() else sys.executable, "-c", _FETCH, uri, str(into))
    subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


# ---- kserve_pods: The pods of one InferenceService, those that are ending among them.


class Pods:
    """Every pod of a service until it is gone.

    Args:
        folder: Of the InferenceService.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[ModelPod] = []

    def start(self, of: str, template: Template, revision: str | None = None) -> ModelPod:
        """Makes a pod of a Deployment or of a revision."""
        pod = ModelPod(f"{of}-{secrets.token_hex(4)}", template, self.folder, revision)
        self.all.append(pod)
        return pod

    def keep(self, kept: Collection[ModelPod]) -> None:
        """Ends every other one."""
        for pod in self.all:
            if pod not in kept:
                pod.stop()

    def forget_gone(self) -> tuple[ModelPod, ...]:
        """Takes out those that have ended."""
        gone = tuple(pod for pod in self.all if pod.state.gone)
        self.all = [pod for pod in self.all if pod not in gone]
        return gone
