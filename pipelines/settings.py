"""What `make compile` was last told, kept in git beside what it wrote."""

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import yaml

from components.core.errors import InputError
from pipelines.images import Images

_CLAIM = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SAYS = (
    "# What `make compile` puts in the pipelines. REGISTRY=, TAG= and PVC= change it; what is not\n"
    "# given stays as it is here.\n"
)


@dataclass(frozen=True)
class Settings:
    """How pipelines are compiled here.

    Attributes:
        registry: In front of every image; empty for images of this machine.
        tag: The tag of all images.
        claim: A PersistentVolumeClaim that every step sees at ``/mnt/pvc/<claim>``; empty: none.
    """

    registry: str = ""
    tag: str = "dev"
    claim: str = ""

    def __post_init__(self) -> None:
        """Refuses what Kubernetes or a registry would not take.

        Raises:
            InputError: The registry, the tag or the claim is none.
        """
        Images(self.registry, self.tag)
        if self.claim and not _CLAIM.fullmatch(self.claim):
            accepted = "the name of a PersistentVolumeClaim: small letters, digits and '-'"
            raise InputError("PVC", self.claim, accepted)

    @property
    def images(self) -> Images:
        """Where the images are."""
        return Images(self.registry, self.tag)

    def told(self, **given: str | None) -> "Settings":
        """These settings with those that were given."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def text(self) -> str:
        """The settings as YAML."""
        return _SAYS + yaml.safe_dump(asdict(self), sort_keys=False)


def read_settings(file: Path) -> Settings:
    """The settings that a file holds; those of a new checkout where there is none.

    Raises:
        InputError: It holds something else.
    """
    if not file.exists():
        return Settings()
    accepted = {field.name for field in fields(Settings)}
    try:
        held = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(str(file), str(error), "YAML") from error
    if not isinstance(held, dict) or set(held) - accepted:
        raise InputError(str(file), held, f"a mapping of {', '.join(sorted(accepted))}")
    if not all(isinstance(value, str) for value in held.values()):
        raise InputError(str(file), held, "texts; put a tag such as 1.0 in quotes")
    return Settings(**held)
