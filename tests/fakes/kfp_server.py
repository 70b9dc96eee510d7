"""A small KFP API over real HTTP: the v2beta1 paths, bodies and errors of KFP 2.16.

Kept to the real thing by ``tests/contract/test_contract_kfp.py``, in which the kfp SDK's own client
tells the same story against it. It runs nothing unless it is given an executor, and schedules
nothing: `KfpApi.runs.fire` makes the run that KFP's controller would.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.fakes.kfp_errors import KfpError, invalid
from tests.fakes.kfp_faults import Faults, Seen
from tests.fakes.kfp_pages import page
from tests.fakes.kfp_runs import Executor, Runs
from tests.fakes.kfp_store import Row, Store

_ROOT = "/apis/v2beta1"
_GROUP = "Group:pipelines.kubeflow.org,Version:v1beta1"
_RESOURCES = {"versions": "pipelines", "recurringruns": "jobs"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KfpApi:
    """One KFP installation, with what a test may ask of it and do to it.

    Args:
        multi_user: Whether namespaces are told apart.
        executor: Runs the pipelines of runs; None: they stay pending.

    Attributes:
        store: What it keeps.
        runs: Its runs and recurring runs.
        faults: What is to go wrong.
        tokens: The bearer tokens that it takes; None: it asks for none.
        denied: What the caller has no right to, such as ``("jobs", "create")``.
        seen: The requests that came.
    """

    def __init__(self, multi_user: bool = False, executor: Executor | None = None) -> None:
        self.store = Store(multi_user)
        self.runs = Runs(self.store, executor)
        self.faults = Faults()
        self.tokens: set[str] | None = None
        self.denied: set[tuple[str, str]] = set()
        self.seen: list[Seen] = []

    def application(self) -> web.Application:
        """The routes."""
        made = web.Application(middlewares=[self._middleware], client_max_size=64 << 20)
        add = made.router.add_route
        add("GET", f"{_ROOT}/healthz", self._healthz)
        add("POST", f"{_ROOT}/pipelines", self._create_pipeline)
        add("POST", f"{_ROOT}/pipelines/upload", self._upload)
        add("POST", f"{_ROOT}/pipelines/upload_version", self._upload_version)
        add("GET", f"{_ROOT}/pipelines/names/{{name}}", self._by_name)
        add("GET", f"{_ROOT}/pipelines/{{of}}/versions", self._lister("versions"))
        add("GET", f"{_ROOT}/pipelines/{{of}}/versions/{{id}}", self._getter("versions"))
        add("DELETE", f"{_ROOT}/pipelines/{{of}}/versions/{{id}}", self._dropper("versions"))
        add("POST", f"{_ROOT}/experiments", self._create_experiment)
        add("POST", f"{_ROOT}/runs", self._create_run)
        add("POST", f"{_ROOT}/runs/{{id}}:terminate", self._terminate)
        add("POST", f"{_ROOT}/recurringruns", self._create_recurring)
        for verb, enable in (("enable", True), ("disable", False)):
            add("POST", f"{_ROOT}/recurringruns/{{id}}:{verb}", self._switcher(verb, enable))
        for table in ("pipelines", "experiments", "runs", "recurringruns"):
            add("GET", f"{_ROOT}/{table}", self._lister(table))
            add("GET", f"{_ROOT}/{table}/{{id}}", self._getter(table))
            add("DELETE", f"{_ROOT}/{table}/{{id}}", self._dropper(table))
        return made

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.seen.append(
            Seen(request.method, request.path_qs, request.headers.get("Authorization", ""))
        )
        fault = self.faults.take(request.method, request.path)
        if fault and fault.status:
            return web.Response(status=fault.status, text="upstream", headers=fault.headers)
        if fault:
            await asyncio.sleep(fault.before_s)
        try:
            self._authenticate(request)
            answer = await handler(request)
        except KfpError as error:
            answer = _refusal(request, error)
        if fault:
            await asyncio.sleep(fault.after_s)
        if fault and fault.drop and request.transport:
            request.transport.abort()
        return answer

    def _authenticate(self, request: web.Request) -> None:
        if self.tokens is None or request.path.endswith("/healthz"):
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            message = "Failed to check authorization. User identity is empty in the request header"
            raise KfpError("Unauthenticated", f"Unauthenticated: {message}")

    def _may(self, table: str, verb: str, namespace: str = "") -> None:
        resource = _RESOURCES.get(table, table)
        if (resource, verb) in self.denied:
            attributes = f"Namespace:{namespace},Verb:{verb},{_GROUP},Resource:{resource}"
            said = f"User 'alice' is not authorized with reason:  (request: {{{attributes}}})"
            raise KfpError("PermissionDenied", f"PermissionDenied: {said}")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"multi_user": True} if self.store.multi_user else {})

    async def _create_pipeline(self, request: web.Request) -> web.Response:
        body = await _body(request)
        namespace = body.get("namespace") or ""
        self._may("pipelines", "create", namespace)
        name = body.get("name") or body.get("display_name") or ""
        made = self.store.add_pipeline(name, namespace, body.get("description") or "")
        return web.json_response(made)

    async def _upload(self, request: web.Request) -> web.Response:
        text, query = await _uploaded(request), request.query
        self._may("pipelines", "create", query.get("namespace", ""))
        with self.store.lock:
            name = query.get("name", "pipeline")
            description = query.get("description", "")
            made = self.store.add_pipeline(name, query.get("namespace", ""), description)
            try:
                self.store.add_version(made["pipeline_id"], name, text, description)
            except KfpError:
                self.store.drop("pipelines", made["pipeline_id"])
                raise
        return web.json_response(made)

    async def _upload_version(self, request: web.Request) -> web.Response:
        text, query = await _uploaded(request), request.query
        self._may("pipelines", "create")
        pipeline, name = query.get("pipelineid", ""), query.get("name", "version")
        made = self.store.add_version(pipeline, name, text, query.get("description", ""))
        return web.json_response(made)

    async def _by_name(self, request: web.Request) -> web.Response:
        name, namespace = request.match_info["name"], request.query.get("namespace", "")
        self._may("pipelines", "get", namespace)
        found = self.store.rows("pipelines", name=name, namespace=self.store.namespace(namespace))
        if not found:
            raise KfpError("NotFound", f"Namespace/Pipeline {namespace}/{name} not found")
        return web.json_response(found[0])

    async def _create_experiment(self, request: web.Request) -> web.Response:
        body = await _body(request)
        namespace = body.get("namespace") or ""
        self._may("experiments", "create", namespace)
        name, description = body.get("display_name") or "", body.get("description") or ""
        return web.json_response(self.store.add_experiment(name, namespace, description))

    async def _create_run(self, request: web.Request) -> web.Response:
        self._may("runs", "create")
        return web.json_response(self.runs.create(await _body(request)))

    async def _terminate(self, request: web.Request) -> web.Response:
        self._may("runs", "terminate")
        self.runs.terminate(request.match_info["id"])
        return web.json_response({})

    async def _create_recurring(self, request: web.Request) -> web.Response:
        self._may("recurringruns", "create")
        return web.json_response(self.runs.schedule(await _body(request)))

    def _switcher(self, verb: str, enable: bool) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            self._may("recurringruns", verb)
            self.runs.switch(request.match_info["id"], enable)
            return web.json_response({})

        return handle

    def _lister(self, table: str) -> Handler:
        field = {"versions": "pipeline_versions", "recurringruns": "recurringRuns"}.get(
            table, table
        )
        key = {"versions": "pipeline_version_id", "recurringruns": "recurring_run_id"}

        async def handle(request: web.Request) -> web.Response:
            query, row_id = request.query, key.get(table, f"{table[:-1]}_id")
            self._may(table, "list", query.get("namespace", ""))
            listed = self._listed(table, query, request.match_info.get("of", ""))
            rows, total, token = page(listed, query, row_id)
            answer: Row = {field: rows, "total_size": total, "next_page_token": token}
            return web.json_response({name: value for name, value in answer.items() if value})

        return handle

    def _listed(self, table: str, query: Mapping[str, str], pipeline: str) -> list[Row]:
        """The rows that a list is of; with multi-user, only those of its namespace."""
        if table == "versions":
            return self.store.rows(table, pipeline_id=pipeline)
        namespace, experiment = query.get("namespace", ""), query.get("experiment_id", "")
        rows = self.store.rows(table, experiment_id=experiment)
        if not self.store.multi_user or experiment:
            return rows
        if not namespace and table != "pipelines":  # a pipeline may be of none
            raise invalid("Namespace cannot be empty in multi-user mode")
        experiments = self.store.tables["experiments"]
        return [row for row in rows if _namespace(row, experiments) == namespace]

    def _getter(self, table: str) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            self._may(table, "get")
            return web.json_response(self.store.get(table, request.match_info["id"]))

        return handle

    def _dropper(self, table: str) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            self._may(table, "delete")
            row_id = request.match_info["id"]
            if table == "recurringruns":
                self.runs.unschedule(row_id, request.query.get("propagation_policy", ""))
            else:
                self.store.drop(table, row_id)
            return web.json_response({})

        return handle


@contextmanager
def running(port: int = 0, api: KfpApi | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """Serves for as long as the context lasts.

    Args:
        port: The port; 0: any free one.
        api: The installation; None: an empty one.
        host: The address to listen at.

    Yields:
        Its URL, as ``kfp.Client(host=…)`` and KF_PIPELINES_ENDPOINT take it.
    """
    loop, runner = (
        asyncio.new_event_loop(),
        web.AppRunner((api or KfpApi()).application(), shutdown_timeout=1.0),
    )
    site = loop.run_until_complete(_started(runner, host, port))
    thread = threading.Thread(target=loop.run_forever, name="kfp fake", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{site}"
    finally:
        asyncio.run_coroutine_threadsafe(_ended(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _started(runner: web.AppRunner, host: str, port: int) -> int:
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])


async def _ended(runner: web.AppRunner) -> None:
    await runner.cleanup()
    # A request whose client died goes on after the cleanup, and would outlive the loop.
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _namespace(row: Row, experiments: Mapping[str, Row]) -> str:
    """A row's namespace; a run has that of its experiment."""
    if "run_id" in row:
        row = experiments.get(row["experiment_id"], {})
    return str(row.get("namespace", ""))


def _refusal(request: web.Request, error: KfpError) -> web.Response:
    if "/upload" not in request.path or error.kind in ("Unauthenticated", "NotFound"):
        return web.json_response(error.body, status=error.http)
    said = {"error_message": error.message, "error_details": error.message}
    return web.json_response(said, status=error.http if error.kind == "AlreadyExists" else 400)


async def _body(request: web.Request) -> Row:
    try:
        body: Any = json.loads(await request.text())
    except ValueError as error:
        raise invalid(f"proto: syntax error: {error}") from error
    return dict(body)


async def _uploaded(request: web.Request) -> str:
    try:
        part = (await request.post()).get("uploadfile")
    except ValueError as error:
        raise invalid("Failed to read pipeline from file") from error
    if not isinstance(part, web.FileField):
        raise invalid("Failed to read pipeline from file")
    return part.file.read().decode("utf-8")
