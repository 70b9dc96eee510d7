"""KServe's model server around our gateway."""

from collections.abc import Callable
from typing import Any

import kserve
from kserve.model_server import app
from starlette.middleware.errors import ServerErrorMiddleware

from components.model.serve.faults import failed, handlers
from components.model.serve.gateway import Application, Gateway
from components.model.serve.kserve_model import KServeModel
from components.model.serve.predictor import Predictor
from components.model.serve.routes import Routes

_GRACE_S = 20


class Server(kserve.ModelServer):  # type: ignore[misc]
    """A model server of one model.

    Args:
        name: The name in paths.
        predictor: Its model is loaded and warm.
        host: The address to listen on; KServe itself knows only every address.
        port: The port.
        most_bytes: The longest body.
    """

    def __init__(
        self, name: str, predictor: Predictor, host: str, port: int, most_bytes: int
    ) -> None:
        super().__init__(
            http_port=port,
            workers=1,  # metrics are a process's own
            enable_grpc=False,
            enable_latency_logging=False,
            grace_period=_GRACE_S,
        )
        self._host = host
        routes = Routes.of(name, predictor.card.version)
        self._model = KServeModel(name, predictor, self.is_ready)
        _wrap(lambda inner: Gateway(inner, predictor, routes, self.is_ready, most_bytes))

    def run(self) -> None:
        """Serves until a signal ends it; requests in flight are answered first."""
        self.start([self._model])

    def is_ready(self) -> bool:
        """Whether requests are taken: from the start until a signal comes."""
        return self._rest_server is not None and not self._rest_server._server.should_exit

    async def _serve(self) -> None:
        self._rest_server.config.host = self._host
        self._rest_server.config.access_log = False
        await super()._serve()


def _wrap(gateway_of: Callable[[Application], Application]) -> None:
    """Puts the gateway outside everything that KServe has: its timing, routing and handlers."""
    build = app.build_middleware_stack

    def outermost() -> Any:
        for error, handler in handlers().items():
            app.add_exception_handler(error, handler)
        return ServerErrorMiddleware(gateway_of(build()), handler=failed)

    app.build_middleware_stack = outermost
