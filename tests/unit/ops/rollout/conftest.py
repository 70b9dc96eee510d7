"""The serving folders of the deploy tests."""

from tests.unit.ops.targets.conftest import serving

__all__ = ["serving"]
