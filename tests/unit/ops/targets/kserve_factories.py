"""A toy model on a cluster in memory, and the ways that a step is cut off."""

import copy
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.core.digest import digest_folder
from components.core.plan import Champion
from components.core.spec.operation import Serving
from components.ops.targets.kserve.cluster_view import ClusterView
from components.ops.targets.kserve.record import Mode, RolloutRecord
from components.ops.targets.kserve.rollout_store import ConfigMapStore
from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.protocol import Candidate
from components.ops.targets.target_uri import KServeTargetUri
from tests.unit.ops.targets.kserve_harness import NAMESPACE, KServeHarness, Reconciled
from tests.unit.ops.targets.kserve_pods import Servers
from tests.unit.ops.targets.serving_factories import AS_OF, MODEL, make_model

WAYS = {
    "knative": (Mode.KNATIVE, False),
    "canary": (Mode.STANDARD, True),
    "blue_green": (Mode.STANDARD, False),
}


class Killed(Exception):
    """The step ends here."""


@dataclass
class Toy:
    """A model in a namespace of a world."""

    tmp: Path
    servers: Servers
    way: str
    world: KServeHarness = field(init=False)

    def __post_init__(self) -> None:
        mode, canary = WAYS[self.way]
        self.world = KServeHarness(self.servers, mode, canary)

    @property
    def target(self) -> KServeTarget:
        return self.target_on(self.world.cluster)

    @property
    def record(self) -> RolloutRecord:
        record = ConfigMapStore(self.world.memory, NAMESPACE, MODEL).read()
        assert record is not None
        return record

    @property
    def store(self) -> Path:
        return self.tmp / "store"

    def target_on(self, cluster: Reconciled) -> KServeTarget:
        target_uri = KServeTargetUri(NAMESPACE)
        view = ClusterView(cluster, NAMESPACE, MODEL, poll_s=0.001)
        return KServeTarget(ConfigMapStore(cluster, NAMESPACE, MODEL), view, str(target_uri))

    def killed_after(self, writes: int, *, done: bool) -> KServeTarget:
        """A target whose step ends at one of its writes, before or after the cluster did it.

        A kill at a reading leaves nothing else behind than one after the last write.
        """
        left = iter(range(writes))

        def count(verb: str, _: str) -> None:
            if verb not in ("get", "list") and next(left, None) is None:
                raise Killed

        cluster = self.world.cluster
        return self.target_on(replace(cluster, **{"after" if done else "before": count}))

    def candidate(self, version: str, **serving: object) -> Candidate:
        given = Serving.model_validate(
            {
                "target": f"kserve://{NAMESPACE}",
                "store": f"file://{self.store}",
                "log": "s3://toys/log",
                "ready_timeout": "2s",
                **serving,
            }
        )
        digest = digest_folder(self.tmp / "made" / version)
        return Candidate(
            model=MODEL, version=version, run="run-1", as_of=AS_OF, digest=digest, serving=given
        )

    def stage(self, version: str, target: KServeTarget | None = None, **serving: object) -> None:
        target = target or self.target
        folder = make_model(self.tmp, version)
        target.stage(folder, self.candidate(version, **serving), target.champion())

    def promote(self, version: str, **serving: object) -> Champion:
        self.stage(version, **serving)
        return self.target.promote(version, self.target.champion(), "by the test")

    def keep(self) -> None:
        """Keeps the store for `again`."""
        self.store.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.store, self.tmp / "kept")

    def again(self) -> "Toy":
        """The same model in a copy of the world, with the store as it was kept."""
        shutil.rmtree(self.store)
        shutil.copytree(self.tmp / "kept", self.store)
        made = Toy(self.tmp, self.servers, self.way)
        locked = self.world.memory.store._changed
        shared = {id(self.servers): self.servers, id(locked): threading.Condition()}
        made.world = copy.deepcopy(self.world, shared)
        return made

    def published(self) -> list[str]:
        return sorted(p.parent.name for p in self.store.rglob("published.json"))


@contextmanager
def toy(tmp: Path, way: str) -> Iterator[Toy]:
    servers = Servers()
    try:
        yield Toy(tmp, servers, way)
    finally:
        servers.close()
