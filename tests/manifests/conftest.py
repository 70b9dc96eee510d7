"""What every test of manifests starts from: the objects of an overlay as they are installed."""

import pytest

from tests.manifests import kustomize, schemas
from tests.needs import skip_or_fail

RENDERED: dict[str, list[kustomize.Object]] = {}


@pytest.fixture(autouse=True, scope="session")
def _renders() -> None:
    if kustomize.program() is None:
        skip_or_fail(kustomize.MISSING)


@pytest.fixture(params=kustomize.OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """The name of each overlay."""
    return str(request.param)


@pytest.fixture
def objects(overlay: str) -> list[kustomize.Object]:
    """What an overlay installs."""
    if overlay not in RENDERED:
        RENDERED[overlay] = kustomize.build(kustomize.overlay(overlay))
    return RENDERED[overlay]


@pytest.fixture(scope="session")
def crds() -> None:
    """Skips where there is nothing to validate custom resources with."""
    if not schemas.are_there():
        skip_or_fail(schemas.MISSING)
