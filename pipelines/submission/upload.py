"""Both pipelines at a server: the schedule step pins the recurring run to the monitor's version."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.core.errors import InputError
from pipelines.document import MONITOR_VERSION, Document
from pipelines.submission.server import KfpServer, Uploaded

NAMES = ("train-and-deploy", "monitor")


def read_compiled(folder: Path) -> dict[str, Document]:
    """The compiled pipelines of a folder, by name.

    Raises:
        InputError: One is missing, or they were not compiled together.
    """
    found = {name: _document(folder / f"{name}.yaml") for name in NAMES}
    wanted = found["monitor"].version
    for name, document in found.items():
        given = document.variable(MONITOR_VERSION)
        if given != wanted:
            accepted = f"a pipeline that was compiled together with {wanted}"
            raise InputError(str(folder / f"{name}.yaml"), given, accepted, "Run `make compile`.")
    return found


def upload(
    server: KfpServer, folder: Path, documents: Mapping[str, Document]
) -> Iterator[tuple[str, Uploaded]]:
    """Uploads what is not there yet; yields each pipeline's name and its version at the server."""
    for name, one in documents.items():
        file = folder / f"{name}.yaml"
        yield name, server.upload(file, name, one.version, one.description)


def _document(file: Path) -> Document:
    if not file.exists():
        raise InputError(str(file), "no such file", "a compiled pipeline", "Run `make compile`.")
    return Document.read(file.read_text(encoding="utf-8"))
