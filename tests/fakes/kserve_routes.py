"""The address of an InferenceService: our own gateway, told by its record where requests go."""

from dataclasses import dataclass
from pathlib import Path

from components.core.errors import ApiUnavailable
from components.ops.targets.local import processes
from components.ops.targets.local.record import LocalRecord, LocalVersion, ServerProcess
from components.ops.targets.local.servers import LocalGateway, address_of
from components.ops.targets.target_uri import LocalTargetUri
from tests.fakes.kserve_pod import ModelPod

_GRACE_S = 10.0


@dataclass(frozen=True)
class Split:
    """Where requests go.

    Attributes:
        stable: The pod that answers; None: none does.
        canary: The pod that answers a share; None: there is none.
        share: That share.
    """

    stable: ModelPod | None = None
    canary: ModelPod | None = None
    share: float = 0.0


class Address:
    """One stable URL, for as long as the InferenceService is there.

    Args:
        folder: Of the InferenceService.
        model: Its name.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._gateway = LocalGateway(LocalTargetUri(folder, processes.free_port()))
        self._file = LocalTargetUri(folder).record_file
        folder.mkdir(parents=True, exist_ok=True)
        self._record = LocalRecord(model=model)
        self._answers = False

    @property
    def url(self) -> str | None:
        """The URL; None: it does not answer yet."""
        return address_of(self._record.gateway) if self._record.gateway and self._answers else None

    def route(self, split: Split) -> None:
        """Sends requests where they are to go, and starts the gateway where it does not run."""
        record = self._record.model_copy(
            update={
                "champion": _deployed(split.stable),
                "candidate": _deployed(split.canary),
                "share": split.share,
                "gateway": self._gateway.start(self._record.gateway),
            }
        )
        if record != self._record:
            self._file.write(record)
            self._record = record
        self._answers = self._answers or self._is_listening(record.gateway)

    def end(self) -> None:
        """Ends the gateway."""
        if self._record.gateway:
            processes.end(self._record.gateway.process, _GRACE_S)

    def _is_listening(self, gateway: ServerProcess | None) -> bool:
        if gateway is None:
            return False
        try:
            self._gateway.read(gateway)
        except ApiUnavailable:
            return False
        return True


def _deployed(pod: ModelPod | None) -> LocalVersion | None:
    if pod is None:
        return None
    said = pod.template.annotations
    return LocalVersion(
        version=said.get("ratoon.dev/version", pod.name),
        digest=said.get("ratoon.dev/digest", ""),
        run=said.get("ratoon.dev/run", ""),
        as_of=said.get("ratoon.dev/as-of", "1970-01-01"),
        log="",
        server=pod.state.server,
    )
