"""This machine in the place of a cluster's node: virtualenvs, code and environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.digests import digest_files
from pipelines.local.images import environment_name

# What the user's shell says about its own Python must not reach another interpreter.
FOREIGN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
SOURCES = {".py", ".lock", ".json", ".css", ".html"}


@dataclass(frozen=True)
class Machine:
    """Where steps find their interpreter and our code.

    Attributes:
        envs: Folder with one virtualenv per image: data, model, ops.
        code: Folder that holds `components`; the working directory of every step.
    """

    envs: Path
    code: Path

    @classmethod
    def of_checkout(cls) -> "Machine":
        """Takes the checkout that this file belongs to, and its `.venv` or RATOON_ENVS."""
        code = Path(__file__).resolve().parents[2]
        envs = os.environ.get("RATOON_ENVS")
        return cls(envs=Path(envs).resolve() if envs else code / ".venv", code=code)

    def environment(self, image: str, declared: Mapping[str, str]) -> dict[str, str]:
        """Makes the environment variables of one step.

        Args:
            image: The step's image; its virtualenv comes first on PATH.
            declared: Variables that the compiled pipeline sets on the container.
        """
        virtualenv = self.envs / environment_name(image)
        inherited = {k: v for k, v in os.environ.items() if k not in FOREIGN_VARIABLES}
        return inherited | {
            "PATH": f"{virtualenv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(virtualenv),
            "PYTHONPATH": str(self.code),
            "PYTHONUNBUFFERED": "1",
            "RATOON_ENVS": str(self.envs),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **declared,
        }

    def code_digest(self, image: str) -> str:
        """Digests what a build would copy into the image: a tag says nothing about a checkout."""
        folders = (self.code / "components" / part for part in ("core", environment_name(image)))
        files = [file for folder in folders for file in sorted(folder.rglob("*"))]
        return digest_files([file for file in files if file.suffix in SOURCES], self.code)
