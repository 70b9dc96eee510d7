"""What `components.model.serve.app` patches: a test fails here if an upgrade breaks its patch."""

import asyncio
import inspect
import signal

import httpx
import kserve
import uvicorn
from kserve.errors import InvalidInput, invalid_input_handler
from kserve.model_server import app
from kserve.protocol.rest.server import RESTServer

from components.model.serve.app import wrap_middleware_stack


def recording(order, name):
    def wrap(inner):
        async def application(scope, receive, send):
            order.append(name)
            await inner(scope, receive, send)

        return application

    return wrap


def get(application, path):
    async def answer():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get(path)

    return asyncio.run(answer())


def test_our_middleware_stands_outside_what_kserve_adds_as_it_starts():
    order = []
    fresh = type(app)()
    wrap_middleware_stack(fresh, recording(order, "ours"))
    fresh.add_middleware(recording(order, "KServe's"))
    assert get(fresh, "/nowhere").status_code == 404
    assert order == ["ours", "KServe's"]


def test_our_exception_handlers_replace_those_that_kserve_adds_as_it_starts():
    fresh = type(app)()
    wrap_middleware_stack(fresh, lambda inner: inner)
    fresh.add_exception_handler(InvalidInput, invalid_input_handler)

    @fresh.get("/")
    async def fail():
        raise InvalidInput("what the client sent")

    answer = get(fresh, "/")
    assert answer.status_code == 400
    assert "what the client sent" not in answer.text


def test_kserve_serves_by_the_coroutine_that_we_override():
    assert inspect.iscoroutinefunction(kserve.ModelServer._serve)
    start = inspect.getsource(kserve.ModelServer.start)
    made, served = start.index("self._rest_server = RESTServer("), start.index("self._serve()")
    assert made < served


def test_the_drain_delays_the_exit_that_uvicorn_begins_at_a_signal():
    rest = RESTServer("kserve.model_server:app", None, None, http_port=0)
    server, caught = rest._server, []
    assert isinstance(server, uvicorn.Server)
    assert server.config is rest.config
    assert (rest.config.host, rest.config.access_log) == ("0.0.0.0", True)
    end = server.handle_exit
    server.handle_exit = lambda number, frame: caught.append(number)
    with server.capture_signals():
        signal.raise_signal(signal.SIGTERM)
    assert (caught, server.should_exit) == ([signal.SIGTERM], False)
    end(signal.SIGINT, None)
    assert server.should_exit
