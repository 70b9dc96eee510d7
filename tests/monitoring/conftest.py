from pathlib import Path

import pytest

from tests.monitoring import exposed
from tests.needs import skip_or_fail


@pytest.fixture(scope="session")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Series name to label names, as a server and an exporter answer them over HTTP."""
    for environment in ("model", "ops"):
        if not (exposed.ENVS / environment / "bin/python").exists():
            skip_or_fail(f"there is no {exposed.ENVS / environment}: make it with make .venv/ready")
    return exposed.series(Path(tmp_path_factory.mktemp("monitoring")))
