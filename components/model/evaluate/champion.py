"""The model that serves now, opened and verified; what cannot be read closes the gate."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import MODEL_CARD, PUBLISHED, SAVED_MODEL, ModelCard
from components.core.digest import digest_folder
from components.core.errors import InputError
from components.core.plan import Champion


@dataclass(frozen=True)
class ModelFolder:
    """A model's folder and what its card says."""

    path: Path
    card: ModelCard

    @classmethod
    def of(cls, path: Path) -> "ModelFolder":
        """Reads the card of a folder.

        Raises:
            OSError: There is no card.
            pydantic.ValidationError: It is none.
        """
        return cls(path, ModelCard.read(path / MODEL_CARD))

    @property
    def saved_model(self) -> Path:
        """The SavedModel."""
        return self.path / SAVED_MODEL


@dataclass(frozen=True)
class Unreadable:
    """Why there is no champion to compare with, although one serves."""

    reason: str


def open_champion(champion: Champion, into: Path) -> ModelFolder | Unreadable:
    """Opens the champion's folder where it is, or brings it here from another machine.

    Args:
        champion: What serves now, as the plan has it.
        into: A folder for a copy of a remote one.
    """
    try:
        path = _here(champion.uri, into)
        if not path.is_dir():
            return Unreadable(f"its folder {champion.uri} does not exist")
        if digest_folder(path) != champion.digest:
            return Unreadable(f"{champion.uri} is not what was deployed: its digest differs")
        return ModelFolder.of(path)
    except (OSError, ImportError, ValidationError, InputError) as error:
        return Unreadable(f"{champion.uri}: {type(error).__name__}: {_first_line(error)}")


def _here(uri: str, into: Path) -> Path:
    filesystem, path = storage.resolve(uri)
    if "file" in filesystem.protocol and not Path(path, PUBLISHED).exists():
        return Path(path)
    storage.fetch_folder(uri, into, leave_out=(PUBLISHED,))  # what the store adds is no model's
    return into


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
