"""``local://<folder>``: model servers and a gateway as processes of this machine.

Each version has a server of its own. Clients ask the gateway, which sends their requests to the
champion and, during a rollout, a share of them to the candidate. The record of the folder says
which; the gateway reads it again as soon as it changes.
"""

import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from components.core.errors import ApiUnavailable, InputError
from components.core.plan import Champion
from components.ops.targets.base_target import BaseTarget, champion_or_candidate
from components.ops.targets.local import processes, servers
from components.ops.targets.local.record import LocalRecord, LocalVersion, ServerProcess
from components.ops.targets.local.servers import LocalGateway, address_of
from components.ops.targets.protocol import Candidate, Endpoint, Staged, Traffic
from components.ops.targets.rollout_state import (
    check_stored_digest,
    find_candidate,
    with_candidate,
    without_candidate,
)
from components.ops.targets.target_uri import LocalTargetUri

READY_TIMEOUT_S = 180.0
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_DRAIN_TIMEOUT_S = 60.0
_GRACE_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True)
class LocalTarget(BaseTarget[LocalRecord]):
    """A folder that serves one model; see `Target` for the contract of each method."""

    target_uri: LocalTargetUri
    model: str

    @property
    def address(self) -> str | None:
        """The gateway's URL; None before it was first started."""
        gateway = self._record().gateway
        return address_of(gateway) if gateway else None

    def stage(self, folder: Path, candidate: Candidate, expected: Champion | None) -> Staged:
        """Publishes the folder, and starts its server and the gateway."""
        log = candidate.serving.log
        version = LocalVersion(
            **candidate.model_dump(exclude={"model", "serving"}),
            # The server may be started again from another working directory.
            log=log if "://" in log else str(Path(log).absolute()),
        )

        def change(record: LocalRecord) -> LocalRecord:
            if not self._must_stage(record, version, expected):
                return record
            publish(folder, self.target_uri.model_folder(version.version), version.digest)
            return with_candidate(record, version)

        record = self._stage(change, f"stage version {version.version}")
        serves = record.champion is not None and record.champion.version == version.version
        return self._as_staged(version, 1.0 if serves else record.share)

    def stage_previous(self, version: str, expected: Champion | None) -> Staged:
        """Starts an earlier champion from its published folder."""

        def change(record: LocalRecord) -> LocalRecord:
            kept = self._previous_to_stage(record, version, expected)
            if kept is None:
                return record
            folder = self.target_uri.model_folder(version)
            digest = digest_folder(folder) if folder.is_dir() else None
            check_stored_digest(kept, str(folder), digest)
            return with_candidate(record, kept)

        record = self._stage(change, f"stage version {version}, which served before")
        return self._as_staged(find_candidate(record, version), record.share)

    def wait_ready(self, version: str, timeout_s: float = READY_TIMEOUT_S) -> Endpoint:
        """Waits for the server of the staged version, which is started again if it ended."""
        staged = champion_or_candidate(self._start_missing(), version)
        log = servers.server_log(self.target_uri.folder, version)
        url = servers.wait_server_ready(staged.server, self.model, log, timeout_s)
        return Endpoint(url=url)

    def no_canary_reason(self) -> None:
        """None: the gateway shares the traffic."""
        return

    def traffic(self, version: str) -> Traffic:
        """Returns what the gateway counted."""
        gateway = self._record().gateway
        if not _runs(gateway):
            gateway = self._start_missing().gateway
        assert gateway is not None  # started just now
        return LocalGateway(self.target_uri).read(gateway).versions.get(version, Traffic())

    def promote(self, version: str, expected: Champion | None, reason: str) -> Champion:
        """Switches the gateway over, then ends the old champion's server once it is drained."""
        self.wait_ready(version)
        record = self._promote_in_record(version, expected, reason)
        self._clean_up()
        assert record.champion is not None  # it was just made so
        return self._as_champion(record.champion)

    def roll_back(self, version: str, reason: str) -> None:
        """Takes the staged version out of the gateway, ends its server, removes its folder."""
        why = f"roll back version {version}: {reason}"
        self._change(lambda record: without_candidate(record, version, reason), why)
        self._clean_up()

    def ensure_serving(self, timeout_s: float = READY_TIMEOUT_S) -> Champion | None:
        """Starts what serves and the gateway again, for example after a reboot.

        Raises:
            DeadlineExceeded: The champion's server does not become ready.
        """
        champion = self.champion()
        if champion is not None:
            self._clean_up()
            self.wait_ready(champion.version, timeout_s)
        return champion

    def _stage(self, change: Callable[[LocalRecord], LocalRecord], why: str) -> LocalRecord:
        record = self._change(change, why)
        self._clean_up()
        self._start_missing()
        return record

    def _start_missing(self) -> LocalRecord:
        """Starts what should run and does not, and waits for the gateway to listen."""
        record = self._change(self._started, "start what should run")
        assert record.gateway is not None  # `_started` started it
        LocalGateway(self.target_uri).wait_listening(record.gateway)
        return record

    def _started(self, record: LocalRecord) -> LocalRecord:
        for name in ("champion", "candidate"):
            version: LocalVersion | None = getattr(record, name)
            if version and not _runs(version.server):
                record = record.model_copy(update={name: self._with_server(version)})
                # Written at once: a process must not be forgotten because the next one failed.
                self.target_uri.record_file.write(record)
        gateway = LocalGateway(self.target_uri).start(record.gateway)
        return record.model_copy(update={"gateway": gateway})

    def _with_server(self, version: LocalVersion) -> LocalVersion:
        model_folder = self.target_uri.model_folder(version.version)
        command = servers.server_command(os.environ)
        server = servers.start_server(command, self.target_uri.folder, version, model_folder)
        return version.model_copy(update={"server": server})

    def _clean_up(self) -> None:
        """Ends drained servers, and removes old versions and what a killed step left behind."""
        record = self._record()
        self._wait_drained(record)
        for process in [v.server.process for v in record.draining if v.server]:
            processes.end(process, _GRACE_S)
        self._change(self._cleaned_up, "end what is drained")

    def _cleaned_up(self, record: LocalRecord) -> LocalRecord:
        left = tuple(version for version in record.draining if _runs(version.server))
        record = record.model_copy(update={"draining": left})
        known = tuple(server.process for server in record.servers)
        for process in processes.find_processes(self.target_uri.folder, besides=known):
            processes.end(process, _GRACE_S)
        prune(self.target_uri.folder / "models", record.kept_versions)
        return record

    def _wait_drained(self, record: LocalRecord) -> None:
        """Waits until no request to them is under way at the gateway, up to a timeout."""
        versions = [v.version for v in record.draining if _runs(v.server)]
        deadline = time.monotonic() + _DRAIN_TIMEOUT_S
        while versions and _runs(record.gateway) and time.monotonic() < deadline:
            assert record.gateway is not None  # it runs
            try:
                in_flight = LocalGateway(self.target_uri).read(record.gateway).in_flight
            except ApiUnavailable:  # busy: retried until the deadline
                continue
            if not any(in_flight.get(version, 0) for version in versions):
                return
            time.sleep(_POLL_S)

    def _change(self, change: Callable[[LocalRecord], LocalRecord], why: str) -> LocalRecord:
        with self.target_uri.record_file.locked():
            record = self._record()
            new = change(record)
            if new != self.target_uri.read_record(self.model):
                self.target_uri.record_file.write(new)
        return new

    def _record(self) -> LocalRecord:
        return self.target_uri.read_record(self.model) or LocalRecord(model=self.model)

    def _as_champion(self, version: LocalVersion) -> Champion:
        return self.target_uri.as_champion(version)

    def _uri(self) -> str:
        return str(self.target_uri)


def publish(source: Path, destination: Path, digest: str) -> None:
    """Copies a model folder completely, unless it is published already with the same bytes.

    Raises:
        InputError: The version is not a file name, or the copy differs from the digest.
    """
    if not _VERSION.fullmatch(destination.name):
        raise InputError("version", destination.name, "letters, digits, '_', '.' and '-'")
    if destination.is_dir() and digest_folder(destination) == digest:
        return
    part = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    try:
        shutil.copytree(source, part)
        (part / PUBLISHED).unlink(missing_ok=True)
        if digest_folder(part) != digest:
            given = "a folder that changed while it was copied"
            raise InputError(str(source), given, "a finished model folder")
        shutil.rmtree(destination, ignore_errors=True)
        part.replace(destination)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def prune(models: Path, keep: Collection[str]) -> tuple[str, ...]:
    """Removes other versions and remains of interrupted copies; returns the removed names."""
    names = sorted(folder.name for folder in models.iterdir()) if models.is_dir() else []
    old = tuple(name for name in names if name not in keep)
    for name in old:
        shutil.rmtree(models / name, ignore_errors=True)
    return old


def _runs(server: ServerProcess | None) -> bool:
    return server is not None and processes.is_running(server.process)
