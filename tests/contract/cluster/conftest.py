"""Each test of the contract is run against three API servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cluster import cluster_factories
from tests.fakes.api_server import running
from tests.needs import skip_or_fail


@pytest.fixture(scope="session")
def real_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with cluster_factories.real_kubeconfig(tmp_path_factory.mktemp("control-plane")) as found:
        if isinstance(found, str):
            skip_or_fail(found)
        cluster_factories.install_kinds(found)
        yield found


@pytest.fixture(params=["memory", "over_http", "real"])
def factory(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[cluster_factories.ClusterFactory]:
    namespace = cluster_factories.new_namespace()
    if request.param == "memory":
        yield cluster_factories.InMemory(namespace)
    elif request.param == "over_http":
        with running() as server:
            yield cluster_factories.OverHttp(namespace, server, tmp_path)
    else:
        real = cluster_factories.Real(namespace, request.getfixturevalue("real_api"), tmp_path)
        yield real
        real.admin.drop_namespace(namespace)
