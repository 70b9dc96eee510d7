"""An InferenceService under the fake: objects as Ratoon writes them, and a client."""

import copy
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from components.ops.cluster.protocol import INFERENCE_SERVICE, POD, Object
from tests.fakes.memory import MemoryKubeClient

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv" / "model" / "bin" / "python"
NAMESPACE, NAME = "ratoon", "small"
READY_S = 120.0
_LABEL = {"serving.kserve.io/inferenceservice": NAME}
_COUNTED = re.compile(r'^ratoon_requests_total\{protocol="v2",status="200"\} (\S+)$', re.M)


def make_models(folder: Path, *versions: str) -> None:
    """The small model of the server's tests under several versions."""
    first = folder / versions[0]
    first.mkdir(parents=True)
    script = ROOT / "tests" / "server" / "small_model.py"
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": "/usr/bin:/bin"}
    subprocess.run((str(PYTHON), str(script), str(first)), env=environment, check=True)
    for version in versions:
        if version != versions[0]:
            shutil.copytree(first, folder / version)
        card = json.loads((folder / version / "model.json").read_text())
        (folder / version / "model.json").write_text(json.dumps({**card, "version": version}))


def make_toy(folder: Path, version: str, **behaviour: object) -> str:
    """A folder for the small server that stands in for ours where no model is needed; its URI."""
    folder.mkdir(parents=True)
    column = {"name": "x", "kind": "number"}
    card = {"name": NAME, "version": version, "columns": [column]}
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "behaviour.json").write_text(json.dumps({"silent": True, **behaviour}))
    return f"file://{folder}"


@dataclass(frozen=True)
class KServeHarness:
    """A cluster, models, and the InferenceService that is written to it.

    Attributes:
        cluster: As a deployer sees it.
        models: The folder of the models, by version.
        log: The prediction log.
    """

    cluster: MemoryKubeClient
    models: Path
    log: Path

    def predictor(self, version: str, uri: str | None = None, **more: Any) -> dict[str, Any]:
        model = {
            "modelFormat": {"name": "ratoon"},
            "storageUri": uri or f"file://{self.models}/{version}",
            "args": ["--name", NAME, "--log", str(self.log)],
        }
        return {"minReplicas": 1, "model": model, **more}

    def apply(
        self,
        predictor: Mapping[str, Any],
        annotations: Mapping[str, str] | None = None,
        name: str = NAME,
        **spec: Any,
    ) -> Object:
        metadata = {"name": name, "namespace": NAMESPACE, "annotations": dict(annotations or {})}
        wanted = {
            "apiVersion": INFERENCE_SERVICE.api_version,
            "kind": INFERENCE_SERVICE.kind,
            "metadata": metadata,
            "spec": {"predictor": copy.deepcopy(dict(predictor)), **spec},
        }
        return self.cluster.apply(INFERENCE_SERVICE, wanted)

    def status(self, name: str = NAME) -> Mapping[str, Any]:
        found = self.cluster.get(INFERENCE_SERVICE, NAMESPACE, name)
        return found.get("status", {}) if found else {}

    def condition(self, type_: str, name: str = NAME) -> str:
        found = [c["status"] for c in self.status(name).get("conditions", ()) if c["type"] == type_]
        return found[0] if found else ""

    def revisions(self) -> dict[str, str]:
        """``latestReadyRevision`` and the like by their number, without the words around."""
        predictor = self.status().get("components", {}).get("predictor", {})
        return {
            name.removeprefix("latest").removesuffix("Revision"): value[-1]
            for name, value in predictor.items()
            if name.endswith("Revision")
        }

    def traffic(self) -> list[tuple[str, int, str]]:
        """Revision number, percent and tag."""
        targets = self.status()["components"]["predictor"].get("traffic", [])
        return [(t["revisionName"][-1], t["percent"], t.get("tag", "")) for t in targets]

    def pods(self, name: str = NAME) -> dict[str, Object]:
        """By the version that they serve; those that end are left out."""
        labels = {**_LABEL, "serving.kserve.io/inferenceservice": name}
        found = self.cluster.list(POD, NAMESPACE, labels)
        return {
            pod["metadata"]["annotations"]["ratoon.dev/version"]: pod
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
        }

    def served(self, version: str, name: str = NAME) -> float:
        """How many predictions a version's pod has answered, by its own /metrics."""
        url = f"{address_of(self.pods(name)[version])}/metrics"
        found = _COUNTED.search(httpx.get(url, trust_env=False, timeout=30).text)
        return float(found[1]) if found else 0.0

    def predict(
        self, requests: int, name: str = NAME, body: Mapping[str, Any] | None = None
    ) -> Counter[str]:
        """Asks at the service's address; how often each version answered."""
        path = f"{self.status(name)['url']}/v2/models/{NAME}/infer"
        with httpx.Client(trust_env=False, timeout=30) as client:
            answers = [client.post(path, json=body or BODY) for _ in range(requests)]
        return Counter(answer.raise_for_status().json()["model_version"] for answer in answers)


def address_of(pod: Object) -> str:
    container = next(c for c in pod["spec"]["containers"] if c["name"] == "kserve-container")
    return f"http://{pod['status']['podIP']}:{container['ports'][0]['containerPort']}"


def until(true: Callable[[], bool], what: str, timeout_s: float = READY_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


BODY = {
    "inputs": [
        {"name": name, "shape": [1], "datatype": datatype, "data": [value]}
        for name, datatype, value in (
            ("temp", "FP64", 21.5),
            ("wind", "FP64", 4),
            ("carrier", "BYTES", "UA"),
            ("origin", "BYTES", "EWR"),
            ("leaves", "INT64", 1372636800),
            ("booked", "INT64", 1372032000),
        )
    ]
}
