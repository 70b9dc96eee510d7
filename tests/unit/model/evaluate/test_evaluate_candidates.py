"""The champion is opened where a model store keeps it."""

from pathlib import Path

import pytest

from components.core import storage
from components.core.artifacts import PUBLISHED, ModelCard
from components.core.digest import digest_folder
from components.core.plan import Champion
from components.model.evaluate.candidates import ChampionUnavailable, open_champion

VERSION = "20130701T0000-abcdef12"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model as publishing leaves it on a claim's volume: with the store's own marker."""
    monkeypatch.setenv(storage.PVC_ROOT, str(tmp_path / "volumes"))
    folder = tmp_path / "volumes" / "claim" / "models" / "small" / VERSION
    ModelCard(
        name="small", version=VERSION, method="trained", task="binary", label="late",
        threshold=0.5, columns=(), key=("id",), event_time="seen", as_of="2013-07-01T00:00:00Z",
        run="run-1", digests={}, metrics={}, rows=3,
    ).write(folder / "model.json")  # fmt: skip
    (folder / "saved_model").mkdir()
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    return folder


def champion_of(folder: Path) -> Champion:
    return Champion(
        version=VERSION, uri=f"pvc://claim/models/small/{VERSION}", digest=digest_folder(folder),
        run="run-1", as_of="2013-07-01T00:00:00Z",
    )  # fmt: skip


def test_a_published_champion_comes_without_the_stores_marker(
    published: Path, tmp_path: Path
) -> None:
    champion = champion_of(published)
    (published / PUBLISHED).write_text("{}")
    folder, card = open_champion(champion, tmp_path / "copy")

    assert card.version == VERSION
    # What is made from it, a recalibration, must not take the marker along.
    assert not (folder / PUBLISHED).exists()
    assert digest_folder(folder) == champion.digest


def test_a_claim_that_is_not_mounted_closes_the_gate(published: Path, tmp_path: Path) -> None:
    champion = champion_of(published).model_copy(update={"uri": "pvc://other/models"})
    with pytest.raises(ChampionUnavailable, match=r"Mount the claim|not mounted here"):
        open_champion(champion, tmp_path / "copy")
