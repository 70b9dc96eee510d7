"""What our code really exposes: a server and an exporter, started and read over HTTP."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from components.core import audit
from components.core.audit import AuditEntry
from components.core.spec.operation import Monitoring

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path(os.environ.get("RATOON_ENVS", ROOT / ".venv"))
_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(\{(?P<labels>.*)\})? \S+")
_LABEL = re.compile(r'(\w+)="')
_START_S = 90
_PATIENT: dict[str, Any] = {"timeout": 60, "trust_env": False}
# What Prometheus adds to whatever it reads of a pod.
OF_TARGETS = {"namespace", "pod", "container", "endpoint", "job", "instance"}


def series(folder: Path) -> dict[str, set[str]]:
    """Series name to label names, with those that our monitors give it."""
    found: dict[str, set[str]] = {}
    given = relabelled() | OF_TARGETS
    for text, added in ((server_text(folder), given), (exporter_text(folder), OF_TARGETS)):
        for name, labels in samples(text):
            found.setdefault(name, set(added)).update(labels)
    return found


def relabelled() -> set[str]:
    """Labels that the PodMonitor gives to what servers say."""
    file = ROOT / "manifests/monitoring/predictors-monitor.yaml"
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
    return {r["targetLabel"] for e in spec["podMetricsEndpoints"] for r in e["relabelings"]}


def samples(text: str) -> Iterator[tuple[str, set[str]]]:
    """Name and label names of each sample of a scrape."""
    for line in text.splitlines():
        match = None if line.startswith("#") else _SAMPLE.fullmatch(line)
        if match:
            yield match["name"], set(_LABEL.findall(match["labels"] or ""))


def server_text(folder: Path) -> str:
    """The metrics of a server that answered, refused and logged."""
    model, port = folder / "model", free_port()
    python = [str(ENVS / "model/bin/python")]
    made = [*python, "tests/server/small_model.py", str(model)]
    subprocess.run(made, cwd=ROOT, env=_environment(), check=True, capture_output=True)
    options = ["--model-dir", str(model), "--log", str(folder / "log"), "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with _running([*python, "-m", "components.model.serve", *options]) as alive:
        _until(lambda: _get(f"{address}/v2/health/ready") is not None, alive)
        httpx.post(f"{address}/v1/models/small:predict", json={}, **_PATIENT)
        return _get(f"{address}/metrics") or ""


def exporter_text(folder: Path) -> str:
    """The metrics of an exporter over an audit that has an entry of every kind."""
    uri, models, port = str(folder / "audit"), folder / "models.yaml", free_port()
    for entry in _entries():
        audit.append(uri, entry)
    models.write_text(f"small: {uri}\n", encoding="utf-8")
    command = [str(ENVS / "ops/bin/python"), "-m", "components.ops.exporter"]
    address = f"http://127.0.0.1:{port}/metrics"
    with _running([*command, "--models", str(models), "--port", str(port)]) as alive:
        _until(lambda: 'audit_up{model="small"} 1.0' in (_get(address) or ""), alive)
        return _get(address) or ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _entries() -> Iterator[AuditEntry]:
    monitoring = Monitoring().model_dump(mode="json")
    numbers = {"due": 9.0, "labelled": 3.0}
    said = (
        ("plan", "planned", {"monitoring": monitoring}),
        ("rollout", "promoted", {}),
        ("monitor", "alert", {"metrics": numbers, "failures": [{"code": "labels"}]}),
    )
    for step, decision, details in said:
        yield AuditEntry(
            run="1",
            step=step,
            model="small",
            as_of="2013-07-01T00:00:00Z",
            version="v1",
            decision=decision,
            reason="",
            digests={},
            details=details,
        )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[Callable[[], bool]]:
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield lambda: process.poll() is None
        finally:
            process.kill()


def _get(address: str) -> str | None:
    with contextlib.suppress(httpx.TransportError):
        answer = httpx.get(address, **_PATIENT)
        return answer.text if answer.status_code == 200 else None
    return None


def _until(condition: Callable[[], bool], alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        assert alive(), "the process ended"
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
