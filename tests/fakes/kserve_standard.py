"""Standard mode: a Deployment for the predictor, and one for each entry of ``spec.canary[]``.

Follows KServe 0.20's reconcileCanaryDeployments and a Deployment's rolling update: an old pod goes
when the new one is ready.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.ops.cluster.protocol import Object
from tests.fakes.kserve_pod import ModelPod, Pods
from tests.fakes.kserve_routes import Split
from tests.fakes.kserve_template import Template, canary_predictor, template_of


class Deployment:
    """A Deployment of one pod at most.

    Args:
        name: Its name.
        pods: The pods of the service.
    """

    def __init__(self, name: str, pods: Pods) -> None:
        self.name, self._all = name, pods
        self.pods: list[ModelPod] = []
        self.generation = 0
        self._wanted: tuple[Template, int] | None = None
        self._since = time.monotonic()

    def reconcile(self, template: Template, replicas: int) -> None:
        """Rolls to a template."""
        if (template, replicas) != self._wanted:
            self.generation += 1
            self._wanted = (template, replicas)
        if not replicas:
            self.pods = []
            return
        if not self.pods or self.pods[-1].template != template:
            same = [pod for pod in self.pods if pod.template == template]
            others = [pod for pod in self.pods if pod.state.ready and pod not in same]
            self.pods = [*others, *(same or [self._all.start(self.name, template)])]
            self._since = time.monotonic()
        if self.pods[-1].state.ready:
            self.pods = self.pods[-1:]
            self._since = time.monotonic()

    @property
    def newest(self) -> ModelPod | None:
        """The pod of its newest template."""
        return self.pods[-1] if self.pods else None

    @property
    def serving(self) -> ModelPod | None:
        """The pod that answers; None: none is ready."""
        return next((pod for pod in reversed(self.pods) if pod.state.ready), None)

    @property
    def rolls(self) -> bool:
        """Whether its newest pod is not there yet."""
        return self.newest is None or not self.newest.state.ready

    @property
    def waits_s(self) -> float:
        """How long it has made no progress, in seconds."""
        return time.monotonic() - self._since


@dataclass(frozen=True)
class Canary:
    """An entry of ``spec.canary[]``."""

    name: str
    percent: int
    deployment: Deployment


class StandardService:
    """The Deployments behind an InferenceService.

    Args:
        pods: Its pods.
        runtime: The ServingRuntime's spec.
        with_canary: Whether this KServe knows ``spec.canary[]``.
    """

    mode = "Standard"

    def __init__(self, pods: Pods, runtime: Mapping[str, Any], with_canary: bool) -> None:
        self._pods, self._runtime, self.with_canary = pods, runtime, with_canary
        self._deployments: dict[str, Deployment] = {}
        self.stable: Deployment | None = None
        self.canaries: tuple[Canary, ...] = ()

    @property
    def generation(self) -> int:
        """Of the stable Deployment, which is what KServe reports as observed."""
        return self.stable.generation if self.stable else 0

    def reconcile(self, service: Object) -> None:
        """One look at the object, and what follows from it."""
        spec = service["spec"]
        entries = (spec.get("canary") or ()) if self.with_canary else ()
        self.canaries = tuple(self._canary(service, entry) for entry in entries)
        self.stable = self._deployed(service, spec["predictor"], 1)
        kept = {d.name: d for d in (self.stable, *(c.deployment for c in self.canaries))}
        self._deployments = kept
        self._pods.keep([pod for deployment in kept.values() for pod in deployment.pods])

    @property
    def newest(self) -> ModelPod | None:
        """The pod that the predictor, as it is written now, asks for."""
        return self.stable.newest if self.stable else None

    def split(self) -> Split:
        """Where requests go: only a canary that is ready gets any."""
        stable = self.stable.serving if self.stable else None
        ready = [c for c in self.canaries if c.percent and c.deployment.serving]
        if not ready or stable is None:
            return Split(stable)
        return Split(stable, ready[0].deployment.serving, ready[0].percent / 100)

    def _canary(self, service: Object, entry: Mapping[str, Any]) -> Canary:
        predictor = canary_predictor(service, entry)
        replicas = entry["predictor"].get("minReplicas")
        if replicas is None:
            stable = service["spec"]["predictor"].get("minReplicas", 1)
            replicas = math.ceil(stable * entry["trafficPercent"] / 100)
        deployment = self._deployed(service, predictor, replicas)
        return Canary(predictor["name"], entry["trafficPercent"], deployment)

    def _deployed(self, service: Object, predictor: Mapping[str, Any], replicas: int) -> Deployment:
        parts = (service["metadata"]["name"], predictor.get("name"), "predictor")
        name = "-".join(part for part in parts if part)
        deployment = self._deployments.get(name) or Deployment(name, self._pods)
        template = template_of(service, predictor, self._runtime, by_revision=False)
        deployment.reconcile(template, replicas)
        self._deployments[name] = deployment
        return deployment
