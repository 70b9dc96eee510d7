"""Where a season keeps things; a new season begins with these places empty."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import InputError
from components.core.spec import Spec

ROOT = Path("build")


@dataclass(frozen=True)
class Places:
    """The folders of one model's season.

    Attributes:
        root: All of it.
        log: The prediction log.
        audit: The audit.
    """

    root: Path
    log: Path
    audit: Path

    @property
    def runs(self) -> Path:
        """The runner's workspace."""
        return self.root / "runs"

    @property
    def live(self) -> Path:
        """The examples that live traffic is made of."""
        return self.root / "live"

    @property
    def ledger(self) -> Path:
        """What the season has come to so far."""
        return self.root / "season.json"

    @property
    def summary(self) -> Path:
        """The finished season's table as data."""
        return ROOT / f"{self.root.name}.json"

    @property
    def index(self) -> Path:
        """The page that links every report."""
        return self.root / "index.html"

    def clear(self) -> None:
        """Removes what an earlier season made."""
        for folder in (self.log, self.audit, self.root):
            shutil.rmtree(folder, ignore_errors=True)


def places_of(spec: Spec) -> Places:
    """The places of a spec.

    Raises:
        InputError: A place lies outside the build folder: a season never clears such a one.
    """
    scheme = spec.serving.target.partition("://")[0]
    places = Places(
        root=ROOT / spec.name / ("season" if scheme == "local" else f"season-{scheme}"),
        log=_on_this_machine(spec.serving.log),
        audit=_on_this_machine(spec.serving.audit_uri),
    )
    for place in (places.log, places.audit):
        check_cleared(place)
    return places


def check_cleared(place: Path) -> None:
    """Whether a season may clear a folder.

    Raises:
        InputError: It lies outside the build folder.
    """
    if not place.resolve().is_relative_to(ROOT.resolve()):
        raise InputError("serving", str(place), f"a folder below {ROOT}/, for a season")


def _on_this_machine(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))
