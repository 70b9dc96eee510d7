"""A small real model server on the paths of kserve's v2 protocol, without TensorFlow.

What it does wrong is said by ``behaviour.json`` in its model folder:
``start_fails``, ``never_ready``, ``ready_after_s``; ``delay_s``, ``status`` and ``resets`` (breaks
the connection) for live requests; ``trial_delay_s`` for trials; ``offset`` (added to each
probability), ``accepts_all`` (wrong input too), ``says_version`` (in answers). Each live request is
logged unless ``silent``.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from components.core.artifacts import TRIAL_REQUEST


class FakeModelServer:
    def __init__(self, folder: Path, log: str) -> None:
        self.card = json.loads((folder / "model.json").read_text())
        self.behaviour = json.loads((folder / "behaviour.json").read_text())
        self.log, self.started = log, time.monotonic()
        self.names = [column["name"] for column in self.card["columns"]]

    async def ready(self, request: web.Request) -> web.Response:
        age = time.monotonic() - self.started
        waits = self.behaviour.get("never_ready") or age < self.behaviour.get("ready_after_s", 0)
        known = request.match_info["name"] == self.card["name"]
        return web.json_response(
            {"ready": not waits}, status=404 if not known else 503 if waits else 200
        )

    async def infer(self, request: web.Request) -> web.Response:
        body = await request.read()
        is_trial = request.headers.get("x-request-id", "").startswith(TRIAL_REQUEST)
        await asyncio.sleep(self.behaviour.get("trial_delay_s" if is_trial else "delay_s", 0))
        if self.behaviour.get("resets") and not is_trial:
            request.transport.abort()
            return web.Response()
        if self.behaviour.get("status") and not is_trial:
            return web.json_response({"error": "told to"}, status=self.behaviour["status"])
        try:
            probability = self.predict(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            if not self.behaviour.get("accepts_all"):
                return web.json_response({"error": str(error)}, status=400)
            probability = [0.5]
        if not self.behaviour.get("silent") and not is_trial:
            self.write(request.headers.get("x-request-id", ""), probability)
        outputs = [
            {
                "name": "probability",
                "shape": [len(probability)],
                "datatype": "FP32",
                "data": probability,
            },
            {
                "name": "predicted",
                "shape": [len(probability)],
                "datatype": "INT64",
                "data": [int(p > 0.5) for p in probability],
            },
        ]
        version = self.behaviour.get("says_version", self.card["version"])
        return web.json_response(
            {"model_name": self.card["name"], "model_version": version, "outputs": outputs}
        )

    def predict(self, body: dict) -> list[float]:
        """The number column itself; a missing one counts as 0.25."""
        columns = {one["name"]: one["data"] for one in body["inputs"]}
        if sorted(columns) != sorted(self.names):
            raise KeyError(f"columns are {sorted(self.names)}")
        values = columns["x"]
        if any(isinstance(v, str) for v in values):
            raise TypeError("x holds numbers")
        offset = self.behaviour.get("offset", 0)
        return [min(max((0.25 if v is None else v) + offset, 0), 1) for v in values]

    def write(self, request_id: str, probability: list[float]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = len(probability)
        now = datetime.now(UTC)
        table = pa.table(
            {
                "request_id": [request_id] * rows,
                "row": pa.array(range(rows), pa.int32()),
                "logged_at": pa.array([now] * rows, pa.timestamp("us", "UTC")),
                "version": [self.card["version"]] * rows,
                "probability": probability,
            }
        )
        folder = Path(self.log) / now.strftime("%Y-%m-%dT%H")
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.card['version']}-{uuid.uuid4().hex}.parquet"
        pq.write_table(table, folder / f".{name}.part")
        (folder / f".{name}.part").rename(folder / name)


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--model-dir", "--port", "--log"):
        parser.add_argument(option, required=True)
    options = parser.parse_args()
    server = FakeModelServer(Path(options.model_dir), options.log)
    if server.behaviour.get("start_fails"):
        sys.exit("SavedModel file does not exist")
    app = web.Application()
    app.router.add_get("/v2/models/{name}/ready", server.ready)
    app.router.add_post("/v2/models/{name}/infer", server.infer)
    web.run_app(app, host="127.0.0.1", port=int(options.port), print=None, access_log=None)


if __name__ == "__main__":
    main()
