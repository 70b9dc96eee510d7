"""``local://<folder>``: the folder that serves a model, and the port of its gateway."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets.local.record import LocalRecord, LocalVersion, RecordFile

SCHEME = "local://"
DEFAULT_PORT = 8080


@dataclass(frozen=True)
class LocalTargetUri:
    """A serving folder.

    Attributes:
        folder: The folder as written: a relative one stays relative in what is recorded.
        port: The gateway's port; None for 8080, or a free one if that is taken.
    """

    folder: Path
    port: int | None = None

    def __str__(self) -> str:
        port = "" if self.port is None else f"?port={self.port}"
        return f"{SCHEME}{self.folder}{port}"

    @property
    def record_file(self) -> RecordFile:
        """Its record on disk."""
        return RecordFile(self.folder)

    def model_folder(self, version: str) -> Path:
        """Returns where a version is published."""
        return self.folder / "models" / version

    def as_champion(self, version: LocalVersion) -> Champion:
        """Returns a deployed version as the plan knows it."""
        fields = version.model_dump(exclude={"log", "server"})
        return Champion(**fields, uri=str(self.model_folder(version.version)))

    def read_record(self, model: str) -> LocalRecord | None:
        """Reads the record; None if nothing was ever deployed here.

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


def parse_target_uri(target: str) -> LocalTargetUri:
    """Reads ``local://<folder>`` or ``local://<folder>?port=<port>``.

    Raises:
        InputError: It is malformed.
    """
    path, _, query = target.removeprefix(SCHEME).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    port = options.pop("port", None)
    if not path or options or (port is not None and not _is_port(port)):
        accepted = f"{SCHEME}<folder> or {SCHEME}<folder>?port=<1024 to 65535>"
        raise InputError("serving.target", target, accepted)
    return LocalTargetUri(Path(path), None if port is None else int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535
