"""What a ``local://`` address says."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets.local.record import Deployed, LocalRecord, RecordFile

SCHEME = "local://"
DEFAULT_PORT = 8080


@dataclass(frozen=True)
class LocalPlace:
    """A folder that serves.

    Attributes:
        folder: The folder, as it was written: a relative one stays relative in what is recorded.
        port: The port that clients are to find; None: 8080, or a free one where it is taken.
    """

    folder: Path
    port: int | None = None

    @property
    def record_file(self) -> RecordFile:
        """Its record on disk."""
        return RecordFile(self.folder)

    @property
    def target(self) -> str:
        """The address that says it."""
        port = "" if self.port is None else f"?port={self.port}"
        return f"{SCHEME}{self.folder}{port}"

    def model_folder(self, version: str) -> Path:
        """Where a version is published."""
        return self.folder / "models" / version

    def champion_of(self, deployed: Deployed) -> Champion:
        """A deployed version as the plan knows it."""
        return Champion(
            version=deployed.version,
            uri=str(self.model_folder(deployed.version)),
            digest=deployed.digest,
            run=deployed.run,
            as_of=deployed.as_of,
        )

    def read(self, model: str) -> LocalRecord | None:
        """The record; None where nothing was ever deployed here.

        Raises:
            InputError: The record is damaged, or another model serves here.
        """
        record = self.record_file.read()
        if record is not None and record.model != model:
            raise InputError(
                f"serving.target {SCHEME}{self.folder}",
                f"model {model}",
                f"the model that serves there: {record.model}",
                "Give each model a folder of its own.",
            )
        return record


def parse_place(target: str) -> LocalPlace:
    """Reads ``local://<folder>`` or ``local://<folder>?port=<port>``.

    Raises:
        InputError: It is not one.
    """
    path, _, query = target.removeprefix(SCHEME).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    port = options.pop("port", None)
    if not path or options or (port is not None and not _is_port(port)):
        accepted = f"{SCHEME}<folder> or {SCHEME}<folder>?port=<1024 to 65535>"
        raise InputError("serving.target", target, accepted)
    return LocalPlace(Path(path), None if port is None else int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535
