"""A cluster that follows a repository: a thread applies what is at the tip, as Argo CD does."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from components.core.digest import digest_folder
from components.core.spec.operation import Serving
from components.ops.cluster.protocol import INFERENCE_SERVICE, Object
from components.ops.targets.git.target import GitTarget, connect_git
from components.ops.targets.kserve.record import Mode, PublishedVersion, RolloutRecord, Strategy
from components.ops.targets.protocol import Candidate
from tests.unit.ops.git.repositories import Bare, published
from tests.unit.ops.targets.kserve_factories import WAYS
from tests.unit.ops.targets.kserve_harness import NAMESPACE, KServeHarness
from tests.unit.ops.targets.kserve_pods import Servers
from tests.unit.ops.targets.serving_factories import AS_OF, MODEL, make_model

_SYNC_S = 0.02
_PATIENCE_S = 20


@dataclass
class Shared:
    """The cluster of a world, for two threads."""

    world: KServeHarness
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with self.lock:
                return getattr(self.world.cluster, name)(*arguments)

        return call


class Argo:
    """Applies every manifest at the tip, and removes what is there no more."""

    def __init__(self, bare: Bare, shared: Shared) -> None:
        self.bare, self.shared = bare, shared
        self.is_paused = False
        self._stopped = threading.Event()
        self._synced = ""
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Argo":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stopped.wait(_SYNC_S):
            tip = self.bare.tip()
            if tip != self._synced and not self.is_paused:
                self._sync(tip)
                self._synced = tip

    def _sync(self, tip: str) -> None:
        files = self.bare.files(tip)
        manifests = yaml.safe_load(files.get("kustomization.yaml", b"resources: []"))["resources"]
        found = [yaml.safe_load(files[name]) for name in manifests]
        wanted = {one["metadata"]["name"]: one for one in found if one}
        with self.shared.lock:
            memory = self.shared.world.memory.acting_as("argocd-controller")
            for name in self.shared.world.services().keys() - wanted.keys():
                memory.delete(INFERENCE_SERVICE, NAMESPACE, name)
            for one in wanted.values():
                memory.apply(INFERENCE_SERVICE, _in_namespace(one))
            self.shared.world.reconcile()


def _in_namespace(found: Object) -> Mapping[str, Any]:
    return {**found, "metadata": {**found["metadata"], "namespace": NAMESPACE}}


@dataclass
class Followed:
    """A model that is deployed by commits, and the cluster that follows."""

    tmp: Path
    bare: Bare
    way: str
    servers: Servers
    shared: Shared = field(init=False)
    argo: Argo = field(init=False)

    def __post_init__(self) -> None:
        mode, canary = WAYS[self.way]
        self.shared = Shared(KServeHarness(self.servers, mode, canary))
        self.argo = Argo(self.bare, self.shared)

    @property
    def target(self) -> GitTarget:
        """A target as a step makes it, beside the cluster of this test."""
        return self.target_of(f"{self.bare.target}?namespace={NAMESPACE}")

    def target_of(self, uri: str) -> GitTarget:
        made = connect_git(uri, MODEL)
        return replace(made, view=replace(made.view, cluster=self.shared, poll_s=0.01))

    def stage(self, version: str, target: GitTarget | None = None, **serving: object) -> None:
        target = target or self.target
        given = Serving.model_validate(
            {
                "target": self.bare.target,
                "store": f"file://{self.tmp}/store",
                "log": "s3://toys/log",
                "ready_timeout": "20s",
                **serving,
            }
        )
        folder = make_model(self.tmp, version)
        digest = digest_folder(folder)
        candidate = Candidate(
            model=MODEL, version=version, run="run-1", as_of=AS_OF, digest=digest, serving=given
        )
        target.stage(folder, candidate, target.champion())

    def begin(self, candidate: str | None = None) -> None:
        """Version v1 serves, and maybe a candidate is staged beside it: one commit."""
        mode, canary = WAYS[self.way]
        strategy = Strategy.KNATIVE
        if mode is Mode.STANDARD:
            strategy = Strategy.CANARY if canary else Strategy.BLUE_GREEN
        slot = "vbeside" if strategy is Strategy.CANARY else ""
        record = RolloutRecord(model=MODEL, champion=self.published("v1"))
        self.target.rollout_store.change(lambda _: record, "")
        self.await_traffic(v1=100)
        if candidate is not None:
            one = self.published(candidate).model_copy(update={"slot": slot})
            beside = record.model_copy(update={"candidate": one, "strategy": strategy})
            self.target.rollout_store.change(lambda _: beside, "")

    def published(self, version: str) -> PublishedVersion:
        one = published(version)
        serving = one.serving.model_copy(update={"store": f"file://{self.tmp}/store"})
        return one.model_copy(update={"serving": serving})

    def await_traffic(self, **wanted: int) -> None:
        """Until the cluster shares the traffic so, in percent."""
        deadline = time.monotonic() + _PATIENCE_S
        while (seen := self._traffic()) != wanted:
            assert time.monotonic() < deadline, f"{seen}, not {wanted}"
            time.sleep(0.01)

    def _traffic(self) -> dict[str, int]:
        with self.shared.lock:
            self.shared.world.reconcile()
            return dict(self.shared.world.traffic)


@contextmanager
def followed(tmp: Path, bare: Bare, way: str) -> Iterator[Followed]:
    servers = Servers()
    try:
        made = Followed(tmp, bare, way, servers)
        with made.argo:
            yield made
    finally:
        servers.close()
