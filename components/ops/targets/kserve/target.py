"""``kserve://<namespace>``: a rollout by changes of the record, each followed by the cluster.

`KServeTarget` decides what a step changes in the record, writes it through its `RolloutStore`, and
waits until pods and traffic have followed. Comments say where Knative needs care.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from components.core.digest import digest_of
from components.core.errors import ApiRejected, ClusterError, DeadlineExceeded, InputError
from components.core.plan import Champion
from components.core.spec.operation import Serving
from components.ops.cluster import connection
from components.ops.cluster.protocol import INFERENCE_SERVICE
from components.ops.targets import store
from components.ops.targets.base_target import BaseTarget, champion_or_candidate
from components.ops.targets.kserve import cluster_view
from components.ops.targets.kserve.cluster_view import ClusterView
from components.ops.targets.kserve.inference_service import names_version
from components.ops.targets.kserve.pods import TrafficCounters
from components.ops.targets.kserve.record import Mode, PublishedVersion, RolloutRecord, Strategy
from components.ops.targets.kserve.rollout_store import (
    UNDO_HINT,
    ConfigMapStore,
    RolloutStore,
    verify_record,
)
from components.ops.targets.protocol import Candidate, Endpoint, Staged, Traffic
from components.ops.targets.rollout_state import (
    check_champion,
    check_stored_digest,
    find_candidate,
    find_previous,
    with_candidate,
    without_candidate,
)
from components.ops.targets.target_uri import check_model, parse_kserve_uri

# So many ended versions are looked for in the model store; what remains is deleted the next time.
_MAX_DELETIONS = 5


@dataclass(frozen=True)
class KServeTarget(BaseTarget[RolloutRecord]):
    """A namespace that serves a model; see `Target` for the contract of each method."""

    rollout_store: RolloutStore
    view: ClusterView
    uri: str
    mode: Mode | None = None
    _undo: ClassVar[str] = UNDO_HINT
    _counters: TrafficCounters = field(default_factory=TrafficCounters, repr=False, compare=False)

    @property
    def address(self) -> str | None:
        """The URL that KServe gives the service; None before it has one."""
        return cluster_view.address_of(self.view.service())

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder and starts the candidate beside the champion."""
        model_store = candidate.serving.store
        assert model_store is not None  # a spec with this target has one
        location = store.locate_model(model_store, candidate.model, candidate.version)
        given = PublishedVersion.of(candidate, location.uri)
        uploaded: list[PublishedVersion] = []
        self._wait_rolled_out(_ready_timeout_s(given.serving))

        def change(record: RolloutRecord) -> RolloutRecord:
            if not self._must_stage(record, given, expected):
                return record
            changed = self._with_candidate(record, given)  # may raise, so before the upload
            store.publish(folder, model_store, record.model, given.version, given.digest)
            uploaded.append(given)
            return changed

        try:
            record = self._change(change, f"stage version {given.version} by run {given.run}")
        except ApiRejected:
            if uploaded:
                self._delete_upload(model_store, given.version)
            raise
        self._delete_unused(record)
        staged = champion_or_candidate(record, given.version)
        return self._as_staged(staged, 1.0 if staged == record.champion else record.share)

    def stage_previous(self, version: str, expected: Champion | None) -> Staged:
        """Starts an earlier champion beside the champion, with at least as many replicas."""
        kept = find_previous(self._record(), version)
        check_stored_digest(kept, kept.uri, store.stored_digest(kept.uri))
        self._wait_rolled_out(_ready_timeout_s(kept.serving))

        def change(record: RolloutRecord) -> RolloutRecord:
            previous = self._previous_to_stage(record, version, expected)
            if previous is None:
                return record
            return self._with_candidate(record, previous.with_replicas_of(record.champion))

        record = self._change(change, f"stage version {version}, which served before")
        self._delete_unused(record)
        return self._as_staged(find_candidate(record, version), record.share)

    def wait_ready(self, version: str, timeout_s: float) -> Endpoint:
        """Waits for a pod of the staged version that reports itself as ready."""
        record = self._change(lambda record: record, "")
        published = champion_or_candidate(record, version)
        what = f"version {version} was not ready"
        try:
            return self.view.wait_for(lambda: self._endpoint(record, published), what, timeout_s)
        except DeadlineExceeded:
            champion_or_candidate(self._record(), version)  # raises if it was replaced meanwhile
            raise

    def no_canary_reason(self) -> str | None:
        """Returns why the rollout under way shares no traffic."""
        is_shared = self._record().strategy is not Strategy.BLUE_GREEN
        return None if is_shared else cluster_view.NO_CANARY_REASON

    def traffic(self, version: str) -> Traffic:
        """Returns what the servers of a version counted, without the validation requests."""
        return self._counters.read(self.view.pods(), version)

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Makes the staged version the champion once enough of its servers are ready."""
        self._scale_up(version, expected)
        record = self._promote_in_record(version, expected, reason)
        assert record.champion is not None  # it was just made so
        with suppress(DeadlineExceeded):  # the next rollout waits for it
            self._wait_rolled_out(_ready_timeout_s(record.champion.serving))
        self._delete_unused(record)
        return self._as_champion(record.champion)

    def roll_back(self, version: str, reason: str) -> None:
        """Removes the staged version from the services, and its model from the store."""
        before = self._record()

        def change(record: RolloutRecord) -> RolloutRecord:
            return self._with_pinned_traffic(without_candidate(record, version, reason))

        record = self._change(change, f"roll back version {version}: {reason}")
        with suppress(DeadlineExceeded):  # pinned traffic is at the champion, too
            self._unpin(record)
        self._delete_unused(before, record)

    def _with_candidate(self, record: RolloutRecord, given: PublishedVersion) -> RolloutRecord:
        strategy = self._strategy() if record.champion else None
        slot = f"v{digest_of([given.version, given.digest])[:8]}"
        slotted = given.model_copy(update={"slot": slot if strategy is Strategy.CANARY else ""})
        changed = with_candidate(record, slotted)
        return changed.model_copy(update={"mode": self.mode, "strategy": strategy})

    def _strategy(self) -> Strategy:
        mode = cluster_view.check_mode(self.view.service(), self.mode)
        schema = self.view.cluster.openapi_schema(INFERENCE_SERVICE)
        return cluster_view.strategy_of(mode, schema, self._where)

    def _endpoint(self, record: RolloutRecord, published: PublishedVersion) -> Endpoint | None:
        pods = self.view.ready(published)
        if record.strategy is Strategy.KNATIVE and record.champion and published != record.champion:
            # Knative must be able to route to it as well, or a promotion would find an older one.
            newest = cluster_view.newest_revision(self.view.service())
            pods = tuple(pod for pod in pods if pod.revision == newest)
        ready = next((pod for pod in pods if self.view.answers_ready(pod)), None)
        return Endpoint(url=ready.url) if ready and ready.url else None

    def _scale_up(self, version: str, expected: Champion | None) -> None:
        """Starts all servers that a promotion needs, while it can still be rolled back."""
        record = self._change(lambda record: record, "")
        if record.champion and record.champion.version == version:
            return
        check_champion(self._serving(record), expected)
        candidate = find_candidate(record, version)
        timeout_s = _ready_timeout_s(candidate.serving)
        self.wait_ready(version, timeout_s)
        if record.champion is None or record.strategy is Strategy.KNATIVE:
            return

        def scaled_up(record: RolloutRecord) -> RolloutRecord:
            check_champion(self._serving(record), expected)
            find_candidate(record, version)
            return record.model_copy(update={"scaled_up": True})

        self._change(scaled_up, f"scale version {version} up for all traffic")
        # A listed canary gets as many replicas as the champion; a service of its own has its own.
        like = record.champion if record.strategy is Strategy.CANARY else candidate
        servers = max(1, like.serving.min_replicas)
        self.view.wait_for(
            lambda: len(self.view.ready(candidate, stable_only=True)) >= servers or None,
            f"version {version} had no {servers} server(s) for all traffic",
            timeout_s,
        )

    def _with_pinned_traffic(self, record: RolloutRecord) -> RolloutRecord:
        """Pins the traffic while the newest Knative revision is not the champion's."""
        service = self.rollout_store.service()
        if record.strategy is not Strategy.KNATIVE or not record.champion or service is None:
            return record
        pinned = record.pinned or not names_version(service, record.champion)
        return record.model_copy(update={"pinned": pinned})

    def _unpin(self, record: RolloutRecord) -> None:
        """Ends a pin once the newest revision is one of the champion."""
        champion = record.champion
        if not record.pinned or champion is None or record.candidate:
            return

        def is_still_pinned(now: RolloutRecord) -> bool:
            return now.pinned and now.champion == champion and now.candidate is None

        def is_newest() -> bool | None:
            newest = cluster_view.newest_revision(self.view.service())
            ready = any(p.revision == newest for p in self.view.ready(champion, stable_only=True))
            return ready or not is_still_pinned(self._record()) or None

        def unpinned(now: RolloutRecord) -> RolloutRecord:
            return now.model_copy(update={"pinned": False}) if is_still_pinned(now) else now

        what = f"version {champion.version} was not started again"
        self.view.wait_for(is_newest, what, _ready_timeout_s(champion.serving))
        self._change(unpinned, f"version {champion.version} has its newest revision again")

    def _wait_rolled_out(self, timeout_s: float) -> None:
        """Waits until Knative can fall back to the champion, if a canary begins now."""
        if cluster_view.mode_of(self.view.service()) is not Mode.KNATIVE:
            return

        def is_done() -> bool | None:
            record = self._record()
            # Beside a candidate, or while pinned, the rolled-out revision has the traffic anyway.
            must_wait = record.champion and record.candidate is None and not record.pinned
            return not must_wait or cluster_view.is_rolled_out(self.view.service()) or None

        self.view.wait_for(is_done, "the champion was not rolled out", timeout_s)

    def _delete_upload(self, model_store: str, version: str) -> None:
        """Deletes what was uploaded for a change that was rejected before it was written."""
        with suppress(ClusterError):  # the rejection itself is the error to report
            if version not in {one.version for one in self._written().kept_versions}:
                store.delete(model_store, self.view.model, version)

    def _delete_unused(self, *records: RolloutRecord) -> None:
        """Deletes ended versions from the stores of these records, the newest record last."""
        stores = {one.serving.store for record in records for one in record.kept_versions}
        used = {one.version for one in self._record().kept_versions}
        ended = dict.fromkeys(one.version for one in records[-1].outcomes[:_MAX_DELETIONS])
        with suppress(ClusterError):
            for model_store in stores - {None}:
                for version in ended:
                    if version not in used:
                        store.delete(str(model_store), self.view.model, version)

    def _change(self, change: Callable[[RolloutRecord], RolloutRecord], why: str) -> RolloutRecord:
        return self.rollout_store.change(lambda record: change(self._verified(record)), why)

    def _record(self) -> RolloutRecord:
        return self._verified(self._written())

    def _verified(self, record: RolloutRecord) -> RolloutRecord:
        try:
            return verify_record(record, self.rollout_store.service(), self._where, self._undo)
        except InputError:
            if self._written() == record:
                raise
            return record  # outdated, so that it cannot be written any more

    def _written(self) -> RolloutRecord:
        return self.rollout_store.read() or RolloutRecord(model=self.view.model)

    def _as_champion(self, version: PublishedVersion) -> Champion:
        return Champion(**version.model_dump(exclude={"serving", "slot"}))

    def _uri(self) -> str:
        return self.uri

    @property
    def _where(self) -> str:
        return f"InferenceService {self.view.namespace}/{self.view.model}"


def connect_kserve(target: str, model: str) -> KServeTarget:
    """Returns the target of a URI, on the cluster that we run in or that a kubeconfig names.

    Raises:
        InputError: The URI or the model's name cannot be used, or no cluster is configured.
    """
    uri = parse_kserve_uri(target)
    name = check_model(model, uri.namespace, uri.mode)
    cluster = connection.connect()
    rollout_store = ConfigMapStore(cluster, uri.namespace, name)
    view = ClusterView(cluster, uri.namespace, name)
    return KServeTarget(rollout_store, view, str(uri), uri.mode)


def _ready_timeout_s(serving: Serving) -> float:
    return serving.ready_timeout.total_seconds()
