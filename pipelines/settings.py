"""The options of `ratoon compile`, kept in git beside what it wrote."""

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import yaml

from components.core.errors import InputError

REPOSITORIES = ("ratoon-data", "ratoon-model", "ratoon-ops")
# Beside the package: where the compiled pipelines of a checkout are.
FOLDER = Path(__file__).resolve().parents[1] / "manifests" / "pipelines"
SETTINGS = "compile.yaml"
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9.:/_-]*[a-z0-9]")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CLAIM = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HEADER = (
    "# What `ratoon compile` puts in the pipelines. --registry, --tag and --pvc change it; what\n"
    "# is not given stays as it is here.\n"
)


@dataclass(frozen=True)
class CompileSettings:
    """How pipelines are compiled here.

    Attributes:
        registry: Registry and path in front of every image; empty for images of this machine.
        tag: Of all images, which are built together.
        claim: A PersistentVolumeClaim that every step sees at ``/mnt/pvc/<claim>``; empty for none.

    Raises:
        InputError: Kubernetes or a registry would not accept one of them.
    """

    registry: str = ""
    tag: str = "dev"
    claim: str = ""

    def __post_init__(self) -> None:
        """Checks every name."""
        if self.registry and not _REGISTRY.fullmatch(self.registry):
            raise InputError("--registry", self.registry, "such as registry.example.com/team")
        if not _TAG.fullmatch(self.tag):
            raise InputError("--tag", self.tag, "letters, digits, '_', '.' and '-', such as 0.1.0")
        if self.claim and not _CLAIM.fullmatch(self.claim):
            accepted = "the name of a PersistentVolumeClaim: lower-case letters, digits and '-'"
            raise InputError("--pvc", self.claim, accepted)

    def image(self, repository: str) -> str:
        """The whole name of an image, ``registry/ratoon-data:tag``.

        Raises:
            InputError: The image is not one of Ratoon's.
        """
        if repository not in REPOSITORIES:
            raise InputError("base_image of a component", repository, ", ".join(REPOSITORIES))
        return f"{self.registry}/{repository}:{self.tag}".lstrip("/")

    def updated(self, **given: str | None) -> "CompileSettings":
        """These settings with those that were given; None leaves one as it is."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def text(self) -> str:
        """The settings as YAML."""
        return _HEADER + yaml.safe_dump(asdict(self), sort_keys=False)


def read_settings(file: Path) -> CompileSettings:
    """Reads the settings of a file; without one, those of a new checkout.

    Raises:
        InputError: The file holds something else.
    """
    if not file.exists():
        return CompileSettings()
    accepted = {field.name for field in fields(CompileSettings)}
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(str(file), str(error), "YAML") from error
    if not isinstance(read, dict) or set(read) - accepted:
        raise InputError(str(file), read, f"a mapping of {', '.join(sorted(accepted))}")
    if not all(isinstance(value, str) for value in read.values()):
        raise InputError(str(file), read, "texts; put a tag such as 1.0 in quotes")
    return CompileSettings(**read)
