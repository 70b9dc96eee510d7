"""``local://<folder>``: model servers and a gateway as processes of this machine."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.core.digest import digest_folder
from components.core.errors import ApiUnavailable
from components.core.plan import Champion
from components.ops.targets import changes
from components.ops.targets.approval import approval
from components.ops.targets.local import models, processes, servers
from components.ops.targets.local.gateway.client import LocalGateway, address_of
from components.ops.targets.local.place import LocalPlace
from components.ops.targets.local.record import Deployed, LocalRecord, Server
from components.ops.targets.protocol import Candidate, Endpoint, Outcome, Staged
from components.ops.targets.traffic import Traffic

READY_TIMEOUT_S = 180.0
_DRAIN_TIMEOUT_S = 60.0
_GRACE_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True)
class LocalTarget:
    """A folder that serves one model; see `Target` for what each method promises.

    Attributes:
        place: The folder.
        model: The model's name.
    """

    place: LocalPlace
    model: str

    @property
    def address(self) -> str | None:
        """The gateway's URL; None before it was first started."""
        gateway = self._record().gateway
        return address_of(gateway) if gateway else None

    @property
    def leaves_to_person(self) -> bool:
        """Never: the spec alone says so."""
        return False

    def champion(self) -> Champion | None:
        """What serves now."""
        return self._serving(self._record())

    def staged(self) -> Staged | None:
        """The rollout under way."""
        record = self._record()
        return self._staged(record.candidate, record.share) if record.candidate else None

    def outcome(self, version: str) -> Outcome | None:
        """How the last rollout of this version ended."""
        return changes.find_outcome(self._record(), version)

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder, and starts its server and the gateway."""
        log = candidate.serving.log
        deployed = Deployed(
            version=candidate.version,
            digest=digest_folder(folder),
            run=candidate.run,
            as_of=candidate.as_of,
            # The server may be started again from another working directory.
            log=log if "://" in log else str(Path(log).absolute()),
            audit=candidate.serving.audit_uri,
        )

        def change(record: LocalRecord) -> LocalRecord:
            again = changes.found(record, deployed)
            if record.champion is None or record.champion.version != deployed.version:
                changes.check_champion(self._serving(record), expected)
            if again:
                return record
            models.publish(folder, self.place.model_folder(deployed.version))
            return changes.staged(record, deployed)

        record = self._change(change)
        self._settle()
        self._serve()
        serves = record.champion is not None and record.champion.version == deployed.version
        return self._staged(deployed, 1.0 if serves else record.share)

    def restorable(self) -> tuple[Champion, ...]:
        """The earlier champions whose folders are kept here."""
        return tuple(self.place.champion_of(one) for one in self._record().previous)

    def bring_back(self, version: str, expected: Champion | None) -> Staged:
        """Starts an earlier champion from its published folder."""

        def change(record: LocalRecord) -> LocalRecord:
            kept = changes.find_earlier(record, version)
            changes.check_champion(self._serving(record), expected)
            folder = self.place.model_folder(version)
            digest = digest_folder(folder) if folder.is_dir() else None
            changes.check_bytes(kept, str(folder), digest)
            now = record.candidate
            again = now and (now.version, now.digest) == (version, kept.digest)
            return record if again else changes.staged(record, kept)

        record = self._change(change)
        self._settle()
        self._serve()
        return self._staged(changes.find_candidate(record, version), record.share)

    def reach(self, version: str, timeout_s: float = READY_TIMEOUT_S) -> Endpoint:
        """Waits for the server of the staged version, started again where it ended."""
        record = self._serve()
        is_champion = record.champion and record.champion.version == version
        deployed = record.champion if is_champion else changes.find_candidate(record, version)
        assert deployed is not None  # either the champion or the candidate
        assert deployed.server is not None  # `_serve` started it
        log = servers.server_log(self.place.folder, version)
        return Endpoint(url=servers.await_ready(deployed.server, self.model, log, timeout_s))

    def shift(self, version: str, share: float) -> None:
        """Lets the gateway send a share of the predictions to the staged version."""
        self._change(lambda record: changes.shifted(record, version, share))

    def obstacle(self) -> None:
        """None: the gateway shares the traffic."""
        return

    def propose(self, version: str) -> str:
        """Leaves the candidate without traffic until a person decides."""
        self.shift(version, 0.0)
        candidate = changes.find_candidate(self._record(), version)
        return approval(self.place.target, self.model, version, candidate.audit)

    def traffic(self, version: str) -> Traffic:
        """What the gateway counted."""
        gateway = self._record().gateway
        if not _runs(gateway):
            gateway = self._serve().gateway
        assert gateway is not None  # `_serve` started it
        return LocalGateway(self.place).read(gateway).versions.get(version, Traffic())

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Switches the gateway over, then ends the old champion's server when it is drained."""

        def change(record: LocalRecord) -> LocalRecord:
            if record.champion and record.champion.version == version:
                return record
            changes.check_champion(self._serving(record), expected)
            return changes.promoted(record, version, reason)

        self.reach(version)
        champion = self._change(change).champion
        self._settle()
        assert champion is not None  # it was just made so
        return self.place.champion_of(champion)

    def roll_back(self, version: str, reason: str) -> None:
        """Takes the staged version out of the gateway, ends its server, removes its folder."""
        self._change(lambda record: changes.rolled_back(record, version, reason))
        self._settle()

    def ensure_serving(self, timeout_s: float = READY_TIMEOUT_S) -> Champion | None:
        """Brings back the champion and the gateway, for example after a restart of the machine.

        Returns:
            What serves; None: nothing does.

        Raises:
            DeadlineExceeded: The champion's server does not become ready.
        """
        champion = self.champion()
        if champion is not None:
            self._settle()
            self.reach(champion.version, timeout_s)
        return champion

    def _serve(self) -> LocalRecord:
        """Starts what should run and does not, and waits for the gateway to listen."""
        record = self._change(self._started)
        assert record.gateway is not None  # `_started` started it
        LocalGateway(self.place).await_listening(record.gateway)
        return record

    def _started(self, record: LocalRecord) -> LocalRecord:
        for name in ("champion", "candidate"):
            deployed: Deployed | None = getattr(record, name)
            if deployed and not _runs(deployed.server):
                record = record.model_copy(update={name: self._with_server(deployed)})
                # Written at once: a process must not be forgotten because the next one failed.
                self.place.record_file.write(record)
        gateway = LocalGateway(self.place).start(record.gateway)
        return record.model_copy(update={"gateway": gateway})

    def _with_server(self, deployed: Deployed) -> Deployed:
        server = servers.start_server(
            servers.server_command(os.environ),
            self.place.folder,
            deployed,
            self.place.model_folder(deployed.version),
        )
        return deployed.model_copy(update={"server": server})

    def _settle(self) -> None:
        """Ends what gets no request any more; removes old versions and what a killed step left."""
        record = self._record()
        self._await_drained(record)
        for process in [d.server.process for d in record.draining if d.server]:
            processes.end(process, _GRACE_S)
        self._change(self._cleared)

    def _cleared(self, record: LocalRecord) -> LocalRecord:
        left = tuple(deployed for deployed in record.draining if _runs(deployed.server))
        record = record.model_copy(update={"draining": left})
        known = tuple(server.process for server in record.servers)
        for process in processes.belonging_to(self.place.folder, besides=known):
            processes.end(process, _GRACE_S)
        models.prune(self.place.folder / "models", record.kept_versions)
        return record

    def _await_drained(self, record: LocalRecord) -> None:
        """Waits until the gateway has no request under way at them; not for ever."""
        versions = [d.version for d in record.draining if _runs(d.server)]
        deadline = time.monotonic() + _DRAIN_TIMEOUT_S
        while versions and _runs(record.gateway) and time.monotonic() < deadline:
            assert record.gateway is not None  # it runs
            try:
                in_flight = LocalGateway(self.place).read(record.gateway).in_flight
            except ApiUnavailable:  # busy: asked again until the deadline
                continue
            if not any(in_flight.get(version, 0) for version in versions):
                return
            time.sleep(_POLL_S)

    def _change(self, change: Callable[[LocalRecord], LocalRecord]) -> LocalRecord:
        with self.place.record_file.locked():
            record = self._record()
            new = change(record)
            if new != self.place.read(self.model):
                self.place.record_file.write(new)
        return new

    def _record(self) -> LocalRecord:
        return self.place.read(self.model) or LocalRecord(model=self.model)

    def _serving(self, record: LocalRecord) -> Champion | None:
        return self.place.champion_of(record.champion) if record.champion else None

    def _staged(self, deployed: Deployed, share: float) -> Staged:
        return Staged(**self.place.champion_of(deployed).model_dump(), share=share)


def _runs(server: Server | None) -> bool:
    return server is not None and processes.is_running(server.process)
