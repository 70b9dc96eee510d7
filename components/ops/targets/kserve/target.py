"""The model folders of a rollout in the model store: what stays, and what is taken out again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from components.core.digest import digest_folder, digest_of
from components.core.errors import ApiRejected, ClusterError, DeadlineExceeded, InputError
from components.core.plan import Champion
from components.ops.cluster import connection
from components.ops.targets import rollout_state, store
from components.ops.targets.kserve import status
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
from components.ops.targets.kserve.status import address_of, is_rolled_out, newest_revision
from components.ops.targets.kserve.target_uri import check_model, parse_target_uri
from components.ops.targets.protocol import Candidate, Endpoint, Outcome, Staged, Traffic
from components.ops.targets.rollout_state import approval_command

_TIDIED = 5
Read = Callable[[], RolloutRecord]


@contextmanager
def deleted_if_rejected(published: list[PublishedVersion], now: Read) -> Iterator[None]:
    """Takes out what was published for a change that was refused before it was written down.

    Args:
        published: What was published meanwhile.
        now: Reads the record.
    """
    try:
        yield
    except ApiRejected:
        with suppress(ClusterError):  # the refusal itself is what is to be mended
            record = now()
            _withdraw(record, published)
        raise


def delete_unused_models(records: tuple[RolloutRecord, ...], now: Read) -> None:
    """Takes out what is not used any more; what remains goes the next time.

    Args:
        records: What a change saw, in the order of time.
        now: Reads the record.
    """
    record = records[-1]
    known = [one for each in records for one in each.known]
    places = {one.serving.store for one in known if one.serving.store}
    used = {one.version for one in now().known}
    ended = dict.fromkeys(one.version for one in record.outcomes[:_TIDIED])
    with suppress(ClusterError):
        for place in places:
            for version in ended:
                if version not in used:
                    store.delete(place, record.model, version)


def check_stored_model(kept: PublishedVersion) -> None:
    """Compares the folder of an earlier version with what served.

    Raises:
        InputError: It is gone or has other bytes, or cannot be reached from here.
        ClusterError: The store refused, or did not answer.
    """
    rollout_state.check_stored_digest(kept, kept.uri, store.stored_digest(kept.uri))


def _withdraw(record: RolloutRecord, published: list[PublishedVersion]) -> None:
    used = {one.version for one in record.known}
    for one in published:
        if one.version not in used and one.serving.store:
            store.delete(one.serving.store, record.model, one.version)


# ---- target: ``kserve://<namespace>``: InferenceServices on a cluster.


@dataclass(frozen=True)
class KServeTarget:
    """A namespace that serves a model; see `Target` for what each method promises.

    Attributes:
        rollout_store: Where what should serve is written down.
        view: What the cluster shows of it.
        uri: The target's address.
        mode: The deployment mode, where the address names one.
    """

    rollout_store: RolloutStore
    view: ClusterView
    uri: str
    mode: Mode | None = None
    _undo: ClassVar[str] = UNDO_HINT
    _counters: TrafficCounters = field(default_factory=TrafficCounters, repr=False, compare=False)

    @property
    def address(self) -> str | None:
        """The URL that KServe gives the service; None before it has one."""
        return address_of(self.view.service())

    @property
    def requires_approval(self) -> bool:
        """Never: the spec alone says so."""
        return False

    def champion(self) -> Champion | None:
        """What serves now."""
        return _serving(self._record())

    def staged(self) -> Staged | None:
        """The rollout under way."""
        record = self._record()
        return record.candidate.as_staged(record.share) if record.candidate else None

    def outcome(self, version: str) -> Outcome | None:
        """How the last rollout of this version ended."""
        return rollout_state.find_outcome(self._record(), version)

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder and brings the candidate up beside the champion."""
        where = candidate.serving.store
        assert where is not None  # a spec with this target has one
        uri = store.locate_model(where, candidate.model, candidate.version).uri
        given = PublishedVersion.of(candidate, uri, digest_folder(folder))
        published: list[PublishedVersion] = []
        self._await_rolled_out(given.serving.ready_timeout.total_seconds())

        def change(record: RolloutRecord) -> RolloutRecord:
            again = rollout_state.is_known(record, given)
            if record.champion is None or record.champion.version != given.version:
                rollout_state.check_champion(_serving(record), expected)
            if again:
                return record
            made = self._beside(record, given)  # may refuse, and so comes before the upload
            store.publish(folder, where, self.view.model, given.version)
            published.append(given)
            return made

        with deleted_if_rejected(published, self._written):
            record = self._change(change, f"stage version {given.version} by run {given.run}")
        delete_unused_models((record,), self._record)
        if record.champion and record.champion.version == given.version:
            return record.champion.as_staged(1.0)
        return rollout_state.find_candidate(record, given.version).as_staged(record.share)

    def previous_champions(self) -> tuple[Champion, ...]:
        """The earlier champions that the record keeps."""
        return tuple(one.as_champion() for one in self._record().previous)

    def stage_previous(self, version: str, expected: Champion | None) -> Staged:
        """Brings an earlier champion up beside the champion, with no fewer servers than that."""
        kept = rollout_state.find_previous(self._record(), version)
        check_stored_model(kept)
        self._await_rolled_out(kept.serving.ready_timeout.total_seconds())

        def change(record: RolloutRecord) -> RolloutRecord:
            earlier = rollout_state.find_previous(record, version)
            rollout_state.check_champion(_serving(record), expected)
            now = record.candidate
            again = now and (now.version, now.digest) == (version, earlier.digest)
            return record if again else self._beside(record, earlier.as_strong_as(record.champion))

        record = self._change(change, f"bring back version {version}, which served before")
        delete_unused_models((record,), self._record)
        return rollout_state.find_candidate(record, version).as_staged(record.share)

    def wait_ready(self, version: str, timeout_s: float) -> Endpoint:
        """Waits for a pod of the staged version that says it is ready."""
        record = self._change(lambda record: record, "")
        if record.champion and record.champion.version == version:
            published = record.champion
        else:
            published = rollout_state.find_candidate(record, version)
        what = f"version {version} was not ready"
        try:
            return self.view.wait_for(lambda: self._endpoint(record, published), what, timeout_s)
        except DeadlineExceeded:
            now = self._record()
            if now.champion is None or now.champion.version != version:
                rollout_state.find_candidate(now, version)  # says that it was replaced meanwhile
            raise

    def shift(self, version: str, share: float) -> None:
        """Gives the staged version a share of the traffic."""
        why = f"give version {version} {share:.0%} of the traffic"
        self._change(lambda record: rollout_state.with_share(record, version, share), why)

    def no_canary_reason(self) -> str | None:
        """Why the rollout under way shares no traffic."""
        return status.NO_CANARY_REASON if self._record().strategy is Strategy.BLUE_GREEN else None

    def propose(self, version: str) -> str:
        """Leaves the candidate without traffic until a person decides."""
        self.shift(version, 0.0)
        candidate = rollout_state.find_candidate(self._record(), version)
        return approval_command(self.uri, self.view.model, version, candidate.serving.audit_uri)

    def traffic(self, version: str) -> Traffic:
        """What the servers of a version have counted, trials left out."""
        return self._counters.read(self.view.pods(), version)

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Makes the staged version the champion once enough of its servers are ready."""

        def change(record: RolloutRecord) -> RolloutRecord:
            if record.champion and record.champion.version == version:
                return record
            rollout_state.check_champion(_serving(record), expected)
            return rollout_state.with_promotion(record, version, reason)

        self._bring_up(version, expected)
        record = self._change(change, f"promote version {version}: {reason}")
        assert record.champion is not None  # it was just made so
        with suppress(DeadlineExceeded):  # the next rollout waits for it
            self._await_rolled_out(record.champion.serving.ready_timeout.total_seconds())
        delete_unused_models((record,), self._record)
        return record.champion.as_champion()

    def roll_back(self, version: str, reason: str) -> None:
        """Takes the staged version out of the services, and its model out of the store."""
        before = self._record()

        def change(record: RolloutRecord) -> RolloutRecord:
            return self._held(rollout_state.without_candidate(record, version, reason))

        record = self._change(change, f"roll back version {version}: {reason}")
        with suppress(DeadlineExceeded):  # all traffic is at the champion also while it is held
            self._release(record)
        delete_unused_models((before, record), self._record)

    def _beside(self, record: RolloutRecord, given: PublishedVersion) -> RolloutRecord:
        strategy = self._strategy() if record.champion else None
        slot = f"v{digest_of([given.version, given.digest])[:8]}"
        slotted = given.model_copy(update={"slot": slot if strategy is Strategy.CANARY else ""})
        changed = rollout_state.with_candidate(record, slotted)
        return changed.model_copy(update={"mode": self.mode, "strategy": strategy})

    def _strategy(self) -> Strategy:
        mode = status.check_mode(self.view.service(), self.mode)
        return status.strategy_of(mode, self.view.fields(), self._where)

    def _endpoint(self, record: RolloutRecord, published: PublishedVersion) -> Endpoint | None:
        pods = self.view.ready(published)
        if record.strategy is Strategy.KNATIVE and record.champion and published != record.champion:
            # Knative must be able to route to it as well, or a promotion would find an older one.
            newest = newest_revision(self.view.service())
            pods = tuple(pod for pod in pods if pod.revision == newest)
        ready = next((pod for pod in pods if self.view.answers(pod)), None)
        return Endpoint(url=ready.url) if ready and ready.url else None

    def _bring_up(self, version: str, expected: Champion | None) -> None:
        """Readies all that a promotion needs, while it can still be taken back."""
        record = self._change(lambda record: record, "")
        if record.champion and record.champion.version == version:
            return
        rollout_state.check_champion(_serving(record), expected)
        candidate = rollout_state.find_candidate(record, version)
        timeout_s = candidate.serving.ready_timeout.total_seconds()
        self.wait_ready(version, timeout_s)
        if record.champion is None or record.strategy is Strategy.KNATIVE:
            return

        def scaled_up(record: RolloutRecord) -> RolloutRecord:
            rollout_state.check_champion(_serving(record), expected)
            rollout_state.find_candidate(record, version)
            return record.model_copy(update={"scaled_up": True})

        self._change(scaled_up, f"bring up version {version} for the whole traffic")
        # A listed canary is given as many as the champion has; one alone has its own number.
        like = record.champion if record.strategy is Strategy.CANARY else candidate
        servers = max(1, like.serving.min_replicas)
        self.view.wait_for(
            lambda: len(self.view.ready(candidate, main_only=True)) >= servers or None,
            f"version {version} had no {servers} server(s) for the whole traffic",
            timeout_s,
        )

    def _held(self, record: RolloutRecord) -> RolloutRecord:
        """Holds the traffic where it is while the newest Knative revision is not the champion's."""
        service = self.rollout_store.service()
        if record.strategy is not Strategy.KNATIVE or not record.champion or service is None:
            return record
        pinned = record.pinned or not names_version(service, record.champion)
        return record.model_copy(update={"pinned": pinned})

    def _release(self, record: RolloutRecord) -> None:
        """Lets the newest revision have all traffic again when it is one of the champion."""
        champion = record.champion
        if not record.pinned or champion is None or record.candidate:
            return

        def is_still_held(now: RolloutRecord) -> bool:
            return now.pinned and now.champion == champion and now.candidate is None

        def is_newest() -> bool | None:
            newest = newest_revision(self.view.service())
            ready = any(p.revision == newest for p in self.view.ready(champion, main_only=True))
            return ready or not is_still_held(self._record()) or None

        def release(now: RolloutRecord) -> RolloutRecord:
            return now.model_copy(update={"pinned": False}) if is_still_held(now) else now

        timeout_s = champion.serving.ready_timeout.total_seconds()
        self.view.wait_for(
            is_newest, f"version {champion.version} was not started again", timeout_s
        )
        self._change(release, f"version {champion.version} has its newest revision again")

    def _await_rolled_out(self, timeout_s: float) -> None:
        """Waits until KServe knows that the champion has all traffic: a canary falls back on it."""
        if status.mode_of(self.view.service()) is not Mode.KNATIVE:
            return

        def is_out() -> bool | None:
            record = self._record()
            # Beside a candidate, or while it is held, it has the traffic as rolled out before.
            waits = record.champion and record.candidate is None and not record.pinned
            return not waits or is_rolled_out(self.view.service()) or None

        self.view.wait_for(is_out, "the champion was not rolled out", timeout_s)

    def _change(self, change: Callable[[RolloutRecord], RolloutRecord], why: str) -> RolloutRecord:
        return self.rollout_store.change(lambda record: change(self._standing(record)), why)

    def _record(self) -> RolloutRecord:
        return self._standing(self._written())

    def _standing(self, record: RolloutRecord) -> RolloutRecord:
        try:
            return verify_record(record, self.rollout_store.service(), self._where, self._undo)
        except InputError:
            if self._written() == record:
                raise
            return record  # older than the service, and so not to be written any more

    def _written(self) -> RolloutRecord:
        return self.rollout_store.read() or RolloutRecord(model=self.view.model)

    @property
    def _where(self) -> str:
        return f"InferenceService {self.view.namespace}/{self.view.model}"


def _serving(record: RolloutRecord) -> Champion | None:
    return record.champion.as_champion() if record.champion else None


# ---- connect: The way from a ``kserve://`` address to its target.


def connect_kserve(target: str, model: str) -> KServeTarget:
    """The target of an address, on the cluster that we are in or that a kubeconfig names.

    Raises:
        InputError: The address or the model's name cannot be used, or no cluster is named.
    """
    place, name = parse_target_uri(target), check_model(model)
    cluster = connection.connect()
    applied = ConfigMapStore(cluster, place.namespace, name)
    return KServeTarget(
        applied, ClusterView(cluster, place.namespace, name), place.target, place.mode
    )
