"""A namespace with KServe in it: a cluster in memory, and what its controllers would make of it.

With `World.slow` pods, revisions and statuses come so many looks late. `broken` versions and the
pods of `full` services never become ready. `fewest` are the ready servers that a version had at
worst while it got all traffic.

The controllers act before each reading. How Knative's revisions share traffic follows KServe's
ksvc_reconciler.go (createKnativeService) and inference_service_status.go (PropagateStatus), and
what becomes of spec.canary[] its predictor.go (reconcileCanaryDeployments).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.ops.cluster.protocol import INFERENCE_SERVICE, POD, Kind, Object
from components.ops.targets.kserve.inference_service import SERVICE_LABEL, VERSION
from components.ops.targets.kserve.record import Mode
from tests.fakes.memory import MemoryKubeClient
from tests.fakes.schemas import known
from tests.fakes.store import Store
from tests.unit.ops.targets.kserve_pods import Servers
from tests.unit.ops.targets.kserve_workloads import Knative, Pod, Workload, summed

NAMESPACE = "toys"


@dataclass
class KServeHarness:
    """The cluster as a step sees it (`cluster`), and who gets traffic (`traffic`, in percent)."""

    servers: Servers
    mode: Mode
    canary: bool = False
    broken: set[str] = field(default_factory=set)
    full: set[str] = field(default_factory=set)
    slow: int = 0
    says_mode: bool = True
    traffic: dict[str, int] = field(default_factory=dict)
    history: list[dict[str, int]] = field(default_factory=list)
    fewest: dict[str, int] = field(default_factory=dict)
    memory: MemoryKubeClient = field(init=False)
    _knative: dict[str, Knative] = field(default_factory=dict)
    _deployments: dict[str, list[Workload]] = field(default_factory=dict)
    _made: int = 0
    _seen: int = -1

    def __post_init__(self) -> None:
        self.memory = MemoryKubeClient(Store(known(canary=self.canary)))

    @property
    def cluster(self) -> "Reconciled":
        return Reconciled(self)

    def services(self) -> dict[str, Object]:
        found = self.memory.list(INFERENCE_SERVICE, NAMESPACE, {})
        return {one["metadata"]["name"]: one for one in found}

    def pods_of(self, version: str) -> list[Pod]:
        return [pod for pod in self._pods() if pod.version == version]

    def touch(self) -> None:
        """What the test changed by hand is seen by the controllers."""
        self._seen = -1

    def reconcile(self) -> None:
        """What the controllers do until there is nothing to do."""
        while self.slow or self._seen != self.memory.store._version:
            self._seen = self.memory.store._version
            self._reconcile()
            if self.slow:
                return

    def _reconcile(self) -> None:
        services = self.services()
        for gone in [name for name in (*self._knative, *self._deployments) if name not in services]:
            self._knative.pop(gone, None)
            self._deployments.pop(gone, None)
        for name, service in services.items():
            status = (self._run_knative if self.mode is Mode.KNATIVE else self._run)(name, service)
            if self.says_mode:
                status["deploymentMode"] = self.mode.value
            status["url"] = f"http://{name}.{NAMESPACE}.example.com"
            if status != service.get("status"):
                self.memory.set_status(INFERENCE_SERVICE, NAMESPACE, name, status)
        self._show_pods()
        if not self.history or self.history[-1] != self.traffic:
            self.history.append(dict(self.traffic))
        for version, percent in self.traffic.items():
            ready = sum(pod.is_ready for pod in self.pods_of(version))
            if percent == 100:
                self.fewest[version] = min(ready, self.fewest.get(version, ready))

    def _run_knative(self, name: str, service: Object) -> dict[str, Any]:
        knative = self._knative.setdefault(name, Knative())
        predictor = dict(service["spec"]["predictor"])
        percent = predictor.pop("canaryTrafficPercent", None)
        template = json.dumps([service["metadata"]["annotations"], predictor], sort_keys=True)
        if not knative.revisions or knative.revisions[-1].template != template:
            revision = f"{name}-predictor-{len(knative.revisions) + 1:05}"
            said = service["metadata"]["annotations"]
            made = Workload(revision, template, said[VERSION])
            self._scale(made, name, said, predictor, revision)
            knative.revisions.append(made)
        newest = knative.revisions[-1]
        rolled_out = knative.rolled_out
        # Knative says so of a revision a little after its pods are ready.
        if self._come_up(newest) and newest.looks_since_up > 4 * self.slow:
            knative.ready = newest.name
        shares = knative.shares(percent)
        knative.note(percent if rolled_out and percent is not None else 100, 4 * self.slow)
        version = {revision.name: revision.version for revision in knative.revisions}
        self.traffic = summed((version[r], part) for r, part in shares.items() if r)
        for revision in knative.revisions:
            if revision.name not in (newest.name, *shares):
                revision.pods.clear()
        components = {
            "latestCreatedRevision": newest.name,
            "latestReadyRevision": knative.ready,
            "latestRolledoutRevision": knative.rolled_out,
        }
        return {"components": {"predictor": components}}

    def _run(self, name: str, service: Object) -> dict[str, Any]:
        spec, running = service["spec"], self._deployments.setdefault(name, [])
        listed = {one["predictor"]["name"]: one for one in spec.get("canary", ())}
        kept, ready = [], {}
        for predictor in (spec["predictor"], *(one["predictor"] for one in listed.values())):
            slot = predictor.get("name", "")
            mine = self._deployed(name, service, predictor, [w for w in running if w.name == slot])
            if self._come_up(mine[-1]):
                mine = mine[-1:]
            ready[slot] = next((w.version for w in mine if w.is_up), None)
            kept += mine
        self._deployments[name] = kept
        if name == service["metadata"]["labels"]["app.kubernetes.io/name"]:
            parts = {slot: one["trafficPercent"] for slot, one in listed.items() if ready[slot]}
            parts[spec["predictor"].get("name", "")] = 100 - sum(parts.values())
            self.traffic = summed((v, parts[slot]) for slot, v in ready.items() if v)
        return {}

    def _deployed(
        self, name: str, service: Object, predictor: Mapping[str, Any], mine: list[Workload]
    ) -> list[Workload]:
        said = {**service["metadata"]["annotations"], **predictor.get("annotations", {})}
        bare = {k: v for k, v in predictor.items() if k not in ("minReplicas", "annotations")}
        template = json.dumps([said, bare], sort_keys=True)
        if not mine or mine[-1].template != template:
            mine = [*mine, Workload(predictor.get("name", ""), template, said[VERSION])]
        self._scale(mine[-1], name, said, predictor, "")
        return mine

    def _scale(
        self,
        workload: Workload,
        owner: str,
        said: Mapping[str, str],
        predictor: Mapping[str, Any],
        revision: str,
    ) -> None:
        wanted = max(1, predictor["minReplicas"])
        workload.pods = workload.pods[:wanted]
        while len(workload.pods) < wanted:
            workload.pods.append(self._pod(owner, dict(said), revision, workload.version))

    def _pod(self, owner: str, annotations: dict[str, str], revision: str, version: str) -> Pod:
        self._made += 1
        address, server = self.servers.start()
        name = f"{owner}-{self._made}"
        labels = {SERVICE_LABEL: owner}
        if revision:
            labels["serving.knative.dev/revision"] = revision
        container = {"name": "kserve-container", "ports": [{"containerPort": self.servers.port}]}
        found = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "labels": labels,
                "annotations": annotations,
            },
            "spec": {"containers": [container]},
            "status": {"podIP": address, "conditions": [{"type": "Ready", "status": "False"}]},
        }  # fmt: skip
        return Pod(name, version, found, server)

    def _come_up(self, workload: Workload) -> bool:
        """Whether all its pods are ready by now; once up it stays so while it is scaled."""
        for pod in workload.pods:
            pod.looks += 1
            if self.can_start(workload) and pod.looks > self.slow:
                pod.is_ready = True
                pod.found["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        workload.is_up = workload.is_up or all(pod.is_ready for pod in workload.pods)
        workload.looks_since_up += workload.is_up
        return workload.is_up

    def can_start(self, workload: Workload) -> bool:
        owners = {pod.found["metadata"]["labels"][SERVICE_LABEL] for pod in workload.pods}
        return workload.version not in self.broken and owners.isdisjoint(self.full)

    def _pods(self) -> list[Pod]:
        workloads = [w for one in self._knative.values() for w in one.revisions]
        workloads += [w for many in self._deployments.values() for w in many]
        return [pod for workload in workloads for pod in workload.pods]

    def _show_pods(self) -> None:
        wanted = {pod.name: pod for pod in self._pods()}
        there = {one["metadata"]["name"]: one for one in self.memory.list(POD, NAMESPACE, {})}
        for name in there.keys() - wanted.keys():
            self.memory.delete(POD, NAMESPACE, name)
        for name, pod in wanted.items():
            if name not in there:
                self.memory.create(POD, pod.found)
            if there.get(name, {}).get("status") != pod.found["status"]:
                self.memory.set_status(POD, NAMESPACE, name, pod.found["status"])


@dataclass
class Reconciled:
    """The cluster, with controllers that act before each reading; `before` may break it."""

    world: KServeHarness
    before: Callable[[str, str], None] = lambda verb, what: None
    after: Callable[[str, str], None] = lambda verb, what: None

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._do("get", kind, lambda c: c.get(kind, namespace, name))

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> tuple[Object, ...]:
        return self._do("list", kind, lambda c: c.list(kind, namespace, labels))

    def apply(self, kind: Kind, wanted: Object) -> Object:
        return self._do("apply", kind, lambda c: c.apply(kind, wanted))

    def create(self, kind: Kind, wanted: Object) -> Object:
        return self._do("create", kind, lambda c: c.create(kind, wanted))

    def replace(self, kind: Kind, wanted: Object) -> Object:
        return self._do("replace", kind, lambda c: c.replace(kind, wanted))

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        self._do("delete", kind, lambda c: c.delete(kind, namespace, name))

    def events(self, namespace: str, name: str) -> tuple[str, ...]:
        return self.world.memory.events(namespace, name)

    def openapi_schema(self, kind: Kind) -> Mapping[str, Any] | None:
        return self.world.memory.openapi_schema(kind)

    def _do(self, verb: str, kind: Kind, work: Callable[[MemoryKubeClient], Any]) -> Any:
        self.world.reconcile()
        self.before(verb, kind.plural)
        done = work(self.world.memory)
        self.world.reconcile()
        self.after(verb, kind.plural)
        return done
