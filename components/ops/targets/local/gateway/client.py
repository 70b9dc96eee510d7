"""The gateway of a serving folder as its target sees it: started where missing, and asked."""

import os
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from pydantic import ValidationError

from components.core.errors import ApiUnavailable, InputError
from components.ops.targets.local import ports, processes
from components.ops.targets.local.gateway.counts import Reading
from components.ops.targets.local.place import DEFAULT_PORT, LocalPlace
from components.ops.targets.local.record import Server
from components.ops.targets.local.servers import last_words, server_environment

_START_TIMEOUT_S = 30.0
_ANSWER_TIMEOUT_S = 5.0
_POLL_S = 0.05
LOG = "gateway.log"


@dataclass(frozen=True)
class LocalGateway:
    """The gateway of one serving folder.

    Attributes:
        place: The folder and the port that is wanted.
    """

    place: LocalPlace

    def start(self, recorded: Server | None) -> Server:
        """Starts it unless it runs; it is not yet listening when this returns.

        Args:
            recorded: As the record has it; its port is kept where it can be.

        Raises:
            InputError: The port that the target names is taken.
        """
        if recorded and processes.is_running(recorded.process):
            return recorded
        port = self._port(recorded)
        folder = self.place.folder.resolve()
        module = ("-m", "components.ops.targets.local.gateway")
        command = (sys.executable, *module, "--folder", str(folder), "--port", str(port))
        environment = server_environment(os.environ, sys.executable)
        log = folder / "logs" / LOG
        return Server(port=port, process=processes.start(command, environment, log, folder))

    def await_listening(self, gateway: Server) -> None:
        """Waits until it answers.

        Raises:
            ApiUnavailable: It ended, or did not answer in time.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while processes.is_running(gateway.process) and time.monotonic() < deadline:
            try:
                self.read(gateway)
            except ApiUnavailable:
                time.sleep(_POLL_S)
            else:
                return
        words = last_words(self.place.folder / "logs" / LOG)
        raise ApiUnavailable(f"the gateway on port {gateway.port} does not answer.{words}")

    def read(self, gateway: Server) -> Reading:
        """Its counts.

        Raises:
            ApiUnavailable: It does not answer.
        """
        try:
            return Reading.model_validate_json(_get(gateway.port, "/-/traffic"))
        except (OSError, HTTPException, ValidationError) as error:
            raise ApiUnavailable(f"{address_of(gateway)}/-/traffic: {error!r}") from error

    def _port(self, recorded: Server | None) -> int:
        wanted = self.place.port or (recorded.port if recorded else DEFAULT_PORT)
        if ports.is_free(wanted):
            return wanted
        if self.place.port is None:
            return ports.free_port()
        raise InputError(
            "serving.target",
            f"port {wanted}, which another program has",
            "a free port",
            "End that program, or name another port: ?port=<port>.",
        )


def _get(port: int, path: str) -> bytes:
    connection = HTTPConnection(ports.HOST, port, timeout=_ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def address_of(gateway: Server) -> str:
    """The URL that clients use."""
    return f"http://{ports.HOST}:{gateway.port}"
