"""The serving folders of the deploy tests."""

from tests.unit.ops.deploy.conftest import serving

__all__ = ["serving"]
