from collections.abc import Callable
from functools import cache

import pytest

from tests.images import container
from tests.images.container import Image
from tests.needs import skip_or_fail


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Image]:
    """An image by its room, laid out once a session; the model image with a model."""
    if container.cannot():
        pytest.skip(f"no container can be made here: {container.cannot()}")

    @cache
    def laid_out(room: str) -> Image:
        if not (container.ENVS / room / "bin/python").exists():
            skip_or_fail(f"there is no {container.ENVS / room}: make it with make .venv/ready")
        mounts = {}
        if room == "model":
            mounts["/mnt/models"] = container.small_model(tmp_path_factory.mktemp("model"))
        return container.lay_out(room, tmp_path_factory.mktemp(room), mounts)

    return laid_out
