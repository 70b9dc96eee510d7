"""Which image every step runs in: the components name a room, compiling names registry and tag."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.core.errors import InputError

REPOSITORIES = ("ratoon-data", "ratoon-model", "ratoon-ops")
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9.:/_-]*[a-z0-9]")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Images:
    """Where the images are.

    Attributes:
        registry: Registry and path in front of the repository; empty for images of this machine.
        tag: The tag of all three, which are built together.
    """

    registry: str = ""
    tag: str = "dev"

    def __post_init__(self) -> None:
        """Refuses what no registry would take.

        Raises:
            InputError: The registry or the tag has a character that is not allowed.
        """
        if self.registry and not _REGISTRY.fullmatch(self.registry):
            raise InputError("REGISTRY", self.registry, "such as registry.example.com/team")
        if not _TAG.fullmatch(self.tag):
            raise InputError("TAG", self.tag, "letters, digits, '_', '.' and '-', such as 0.1.0")

    def named(self, repository: str) -> str:
        """The whole name of an image, ``registry/ratoon-data:tag``."""
        return f"{self.registry}/{repository}:{self.tag}".lstrip("/")

    def placed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A compiled pipeline with every image's whole name.

        Raises:
            InputError: A step names an image that is none of ours.
        """
        return {key: self._value(key, value) for key, value in document.items()}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.placed(value)
        if isinstance(value, list):
            return [self._value("", item) for item in value]
        if key != "image":
            return value
        if value not in REPOSITORIES:
            raise InputError("base_image of a component", value, ", ".join(REPOSITORIES))
        return self.named(str(value))
