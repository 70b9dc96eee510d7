"""Fixtures are shared with tests/loop: one plugin, so that each is made once a session."""

import pytest

from tests.loop import places


def pytest_configure(config: pytest.Config) -> None:
    places.envs_of_checkout()
    if not config.pluginmanager.has_plugin(places.__name__):
        config.pluginmanager.register(places, places.__name__)
