"""KServe's model server around our gateway."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import kserve
from kserve.model_server import app
from starlette.middleware.errors import ServerErrorMiddleware

from components.model.serve.faults import failed, handlers
from components.model.serve.gateway import Application, Gateway
from components.model.serve.kserve_model import KServeModel
from components.model.serve.options import Options
from components.model.serve.predictor import Predictor
from components.model.serve.routes import Routes

# Drain, requests in flight and the log's last rows together end within the 30 s that Kubernetes
# gives a pod by default.
_GRACE_S, _SHORTEST_GRACE_S = 20.0, 5.0


class Server(kserve.ModelServer):  # type: ignore[misc]
    """A model server of one model.

    Args:
        predictor: Its model is loaded and warm.
        options: Names, addresses and bounds.
    """

    def __init__(self, predictor: Predictor, options: Options) -> None:
        super().__init__(
            http_port=options.port,
            workers=1,  # metrics are a process's own
            enable_grpc=False,
            enable_latency_logging=False,
            grace_period=max(_GRACE_S - options.drain_s, _SHORTEST_GRACE_S),
        )
        self._host, self._drain_s = options.host, options.drain_s
        self._draining = False
        name = options.name or predictor.card.name
        routes = Routes.of(name, predictor.card.version)
        self._model = KServeModel(name, predictor, self.is_serving)
        most_bytes = options.most_bytes
        _wrap(lambda inner: Gateway(inner, predictor, routes, self.is_ready, most_bytes))

    def run(self) -> None:
        """Serves until a signal ends it; requests in flight are answered first."""
        self.start([self._model])

    def is_serving(self) -> bool:
        """Whether requests are answered: from the start until the end of the drain."""
        return self._rest_server is not None and not self._rest_server._server.should_exit

    def is_ready(self) -> bool:
        """Whether more requests are wanted: from the start until a signal comes."""
        return self.is_serving() and not self._draining

    async def _serve(self) -> None:
        self._rest_server.config.host = self._host
        self._rest_server.config.access_log = False
        server = self._rest_server._server
        server.handle_exit = self._drained(server.handle_exit, asyncio.get_running_loop())
        await super()._serve()

    def _drained(
        self, end: Callable[[int, Any], None], loop: asyncio.AbstractEventLoop
    ) -> Callable[[int, Any], None]:
        """Ends only after the drain: for that long a cluster still sends new requests."""

        def handle(number: int, frame: Any) -> None:
            if number != signal.SIGTERM or self._draining or not self._drain_s:
                end(number, frame)
                return
            self._draining = True
            loop.call_soon_threadsafe(loop.call_later, self._drain_s, end, number, frame)

        return handle


def _wrap(gateway_of: Callable[[Application], Application]) -> None:
    """Puts the gateway outside everything that KServe has: its timing, routing and handlers."""
    build = app.build_middleware_stack

    def outermost() -> Any:
        for error, handler in handlers().items():
            app.add_exception_handler(error, handler)
        return ServerErrorMiddleware(gateway_of(build()), handler=failed)

    app.build_middleware_stack = outermost
