"""The serving folders of the target tests."""

from tests.unit.ops.targets.conftest import serving

__all__ = ["serving"]
