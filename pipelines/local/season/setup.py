"""How long making the environments took."""

from pathlib import Path


def setup_seconds(envs: Path) -> float | None:
    """Sums what the Makefile noted when it made each environment.

    Args:
        envs: The folder of the environments; each holds its seconds in ``.made``.

    Returns:
        Seconds; None where nothing was noted.
    """
    notes = [note.read_text().strip() for note in sorted(envs.glob("*/.made"))]
    seconds = [float(note) for note in notes if note]
    return sum(seconds) if seconds else None
