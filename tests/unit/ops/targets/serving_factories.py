"""Toys for tests of serving: model folders, plans, and clients that never stop asking."""

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from components.core.artifacts import (
    GOLDEN,
    MODEL_CARD,
    PLAN,
    Golden,
    ModelCard,
    ModelColumn,
)
from components.core.digest import digest_folder
from components.core.plan import Champion, Plan, Purpose, Windows
from components.core.spans import TimeInterval, parse_instant
from components.core.spec import Spec
from components.core.spec.operation import Serving
from components.ops.targets.protocol import Candidate

FAKE_SERVER = Path(__file__).parent / "fake_model_server.py"
_OPTIONS = ["--model-dir", "{model_dir}", "--port", "{port}", "--log", "{log}"]
COMMAND = json.dumps([sys.executable, str(FAKE_SERVER), *_OPTIONS])
MODEL = "toy"
AS_OF = "2013-07-01T00:00:00Z"
COLUMNS = (
    ModelColumn(name="x", source="x", kind="number"),
    ModelColumn(name="kind", source="kind", kind="category"),
    ModelColumn(name="seen_at", source="seen_at", kind="timestamp"),
)
GOLDENS = Golden(
    columns={"x": (0.3, None, 0.9), "kind": ("a", None, "b"), "seen_at": (0, 60, 120)},
    probability=(0.3, 0.25, 0.9),
    tolerance=1e-5,
)


def card_of(version: str) -> ModelCard:
    return ModelCard(
        name=MODEL, version=version, method="trained", task="binary", label="late", threshold=0.5,
        columns=COLUMNS, key=("id",), event_time="seen_at", as_of=AS_OF, run="train-1", digests={},
        metrics={}, rows=1000,
    )  # fmt: skip


def make_model(folder: Path, version: str, **behaviour: object) -> Path:
    model = folder / "made" / version
    card_of(version).write(model / MODEL_CARD)
    GOLDENS.write(model / GOLDEN)
    (model / "behaviour.json").write_text(json.dumps(behaviour))
    return model


def candidate_of(version: str, folder: Path, run: str = "run-1") -> Candidate:
    serving = Serving(target=f"local://{folder}/serving", log=str(folder / "log"))
    digest = digest_folder(folder / "made" / version)
    return Candidate(
        model=MODEL, version=version, run=run, as_of=AS_OF, digest=digest, serving=serving
    )


def make_plan(
    folder: Path, target: str, champion: Champion | None = None, **changes: object
) -> Path:
    """A plan artifact; `changes` are parts of the spec, `canary` and `serving` of its serving."""
    canary = changes.pop("canary", {"steps": ["50%"], "min_requests": 20, "timeout": "20s"})
    serving = changes.pop("serving", {})
    spec = Spec.model_validate(
        {
            "name": MODEL,
            "data": {
                "primary": {"uri": "toy/{day}.parquet", "event_time": "seen_at", "key": ["id"]}
            },
            "label": {"column": "delay", "greater_than": 15, "name": "late", "known_after": "1d"},
            "serving": {"target": target, "log": str(folder / "log"), "canary": canary, **serving},
            "first_model": "allowed",
            **changes,
        }
    )
    day = TimeInterval(start=parse_instant("2013-06-01"), end=parse_instant("2013-06-02"))
    windows = Windows(
        train=(day,), recent=(day,), reference=(day,), labels_until=AS_OF, watch=day, before=day
    )
    plan = Plan(
        purpose=Purpose.TRAIN, spec=spec, as_of=AS_OF, version="v0", spans=("2013-06-01",),
        columns=COLUMNS, features=(), windows=windows, champion=champion, digests={"spec": "s"},
    )  # fmt: skip
    artifact = folder / f"plan-{time.monotonic_ns()}"
    plan.write(artifact / PLAN)
    return artifact


def body_of(x: float | None = 0.3) -> dict[str, object]:
    return {
        "inputs": [
            {"name": "x", "shape": [1], "datatype": "FP64", "data": [x]},
            {"name": "kind", "shape": [1], "datatype": "BYTES", "data": ["a"]},
            {"name": "seen_at", "shape": [1], "datatype": "INT64", "data": [0]},
        ]
    }


class Clients:
    """Clients that ask for predictions, one after the other, until told to stop."""

    def __init__(self, address: str, number: int = 4, pause_s: float = 0.0) -> None:
        self._url = f"{address}/v2/models/{MODEL}/infer"
        self._pause_s, self._stop = pause_s, threading.Event()
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.broken: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def asked(self) -> int:
        return sum(self.statuses.values()) + len(self.broken)

    def wait_for(self, more: int, timeout_s: float = 30) -> None:
        wanted, deadline = self.asked + more, time.monotonic() + timeout_s
        while self.asked < wanted:
            assert time.monotonic() < deadline, f"{self.asked} of {wanted} requests in time"
            time.sleep(0.01)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._url, json=body_of())
                except httpx.TransportError as error:
                    self.broken.append(repr(error))
                else:
                    self.statuses[answer.status_code] += 1
                    self.versions[answer.headers["x-ratoon-version"]] += 1
                time.sleep(self._pause_s)
