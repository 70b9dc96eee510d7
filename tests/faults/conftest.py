"""Fixtures are shared with tests/loop: one plugin, so that each is made once a session."""

import pytest

from tests.faults import api_fixtures
from tests.loop import places


def pytest_configure(config: pytest.Config) -> None:
    places.envs_of_checkout()
    for shared in (places, api_fixtures):
        if not config.pluginmanager.has_plugin(shared.__name__):
            config.pluginmanager.register(shared, shared.__name__)
