"""This machine in the place of a cluster's node: a virtualenv per image, code and variables."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.core.digest import digest_file, digest_of
from components.core.errors import InputError
from pipelines.settings import REPOSITORIES

READ_WHOLE_BYTES = 256 * 1024 * 1024
ENVIRONMENTS = {name: name.removeprefix("ratoon-") for name in REPOSITORIES}
# Variables of the user's own Python must not reach another interpreter.
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
SOURCES = {".py", ".lock", ".json", ".css", ".html"}


def environment_name(image: str) -> str:
    """The name of an image's environment, whatever its registry, tag and digest.

    Raises:
        InputError: The image is not one of Ratoon's.
    """
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if repository not in ENVIRONMENTS:
        accepted = f"on this machine one of {', '.join(sorted(ENVIRONMENTS))}"
        raise InputError("image of a step", image, accepted, "Compile the pipeline with it.")
    return ENVIRONMENTS[repository]


def require_environments(images: Iterable[str], envs: Path) -> None:
    """Refuses a pipeline before its first step if an image has no virtualenv here.

    Raises:
        InputError: An image is unknown, or its virtualenv is not installed.
    """
    for image in images:
        name = environment_name(image)
        if not (envs / name / "bin" / "python3").exists():
            accepted = f"images whose virtualenv is there; {envs / name} is not"
            install = f"Install it from components/{name}/requirements.lock."
            raise InputError("image of a step", image, accepted, install)


@dataclass(frozen=True)
class Machine:
    """Where steps find their interpreter and Ratoon's code.

    Attributes:
        envs: Folder with one virtualenv per image: data, model, ops.
        code: Folder that holds `components`.
        directory: Working directory of every step: relative paths of a spec begin here.
    """

    envs: Path
    code: Path
    directory: Path = field(default_factory=Path.cwd)

    @classmethod
    def of_checkout(cls) -> "Machine":
        """The checkout that this file belongs to, with RATOON_ENVS or its own `.venv`."""
        code = Path(__file__).resolve().parents[2]
        envs = os.environ.get("RATOON_ENVS")
        return cls(envs=Path(envs).resolve() if envs else code / ".venv", code=code)

    def environment(self, image: str, declared: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of one step; `declared` are those of the compiled pipeline."""
        virtualenv = self.envs / environment_name(image)
        inherited = {k: v for k, v in os.environ.items() if k not in FOREIGN_VARIABLES}
        return inherited | {
            "PATH": f"{virtualenv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(virtualenv),
            "PYTHONPATH": str(self.code),
            # A folder of the user's that is called `components` must not hide Ratoon's.
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "RATOON_ENVS": str(self.envs),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **declared,
        }

    def code_digest(self, image: str) -> str:
        """The digest of what a build would copy into the image; a tag does not tell."""
        rooms = ("core", "report", environment_name(image))
        folders = (self.code / "components" / room for room in rooms)
        files = [file for folder in folders for file in sorted(folder.rglob("*"))]
        return digest_files([file for file in files if file.suffix in SOURCES], self.code)


def digest_files(files: Iterable[Path], root: Path) -> str:
    """The digest of files under their paths relative to a root."""
    return digest_of([[file.relative_to(root).as_posix(), _digest_file(file)] for file in files])


def digest_artifact(uri: str) -> str | None:
    """The digest of an artifact's file or folder: equal digests, equal work.

    Returns:
        The digest; the address itself if the artifact is elsewhere; None if there is nothing.
    """
    if "://" in uri:
        return uri
    path = Path(uri)
    if path.is_dir():
        return digest_files(sorted(file for file in path.rglob("*") if file.is_file()), path)
    return _digest_file(path) if path.is_file() else None


def _digest_file(file: Path) -> str:
    stat = file.stat()
    # A huge file counts by size and time: reading it again would cost more than the step saves.
    if stat.st_size > READ_WHOLE_BYTES:
        return f"{stat.st_size}:{stat.st_mtime_ns}"
    return digest_file(file)
