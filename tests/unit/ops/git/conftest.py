"""A repository for each test, and nothing of it left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.ops.git.repositories import Bare


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare.made(tmp_path)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders go; every one of them is gone at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
