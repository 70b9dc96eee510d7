"""The small model server of the deploy tests, which also counts what it answered, as ours does."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from components.core.artifacts import SERVER_LATENCY_BOUNDS_MS, TRIAL_REQUEST
from tests.unit.ops.targets.fake_model_server import FakeModelServer


class Counted:
    """What live requests were answered."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        answer = await handler(request)
        is_trial = request.headers.get("x-request-id", "").startswith(TRIAL_REQUEST)
        if request.method == "POST" and not is_trial:
            self.statuses[answer.status] += 1
            self.seconds.append(time.monotonic() - began)
        return answer

    async def metrics(self, _: web.Request) -> web.Response:
        lines = ["# TYPE ratoon_request_seconds histogram"]
        for bound in [ms / 1000 for ms in SERVER_LATENCY_BOUNDS_MS]:
            below = sum(one <= bound for one in self.seconds)
            lines.append(f'ratoon_request_seconds_bucket{{le="{bound}"}} {below}')
        lines.append(f'ratoon_request_seconds_bucket{{le="+Inf"}} {len(self.seconds)}')
        lines += [f"ratoon_request_seconds_sum {sum(self.seconds)}"]
        lines += [f"ratoon_request_seconds_count {len(self.seconds)}"]
        lines.append("# TYPE ratoon_requests counter")
        for status, count in self.statuses.items():
            lines.append(f'ratoon_requests_total{{protocol="v2",status="{status}"}} {count}')
        return web.Response(text="\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--model-dir", "--port", "--log"):
        parser.add_argument(option, required=True)
    options = parser.parse_args()
    server, counted = FakeModelServer(Path(options.model_dir), options.log), Counted()
    if server.behaviour.get("start_fails"):
        sys.exit("SavedModel file does not exist")
    app = web.Application(middlewares=[counted.middleware])
    app.router.add_get("/v2/models/{name}/ready", server.ready)
    app.router.add_post("/v2/models/{name}/infer", server.infer)
    app.router.add_get("/metrics", counted.metrics)
    web.run_app(app, host="127.0.0.1", port=int(options.port), print=None, access_log=None)


if __name__ == "__main__":
    main()
