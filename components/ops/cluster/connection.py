"""Finds the cluster and our credentials: the only file that imports ``kubernetes``."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_kube_config
from kubernetes.config.incluster_config import InClusterConfigLoader

from components.core.errors import InputError
from components.ops.cluster.api_client import ApiClient, ApiRequest, RetryPolicy
from components.ops.cluster.errors import ApiCall
from components.ops.cluster.kube_client import HttpKubeClient
from components.ops.cluster.protocol import FIELD_MANAGER

KUBECONFIG = "RATOON_KUBECONFIG"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ACCEPTED = (
    f"a kubeconfig file named by {KUBECONFIG}, the service account of a pod,"
    " or the kubeconfig that kubectl uses"
)


def connect(
    environ: Mapping[str, str] = os.environ,
    account: Path = ACCOUNT,
    retry_policy: RetryPolicy | None = None,
    observe: Callable[[ApiCall], None] = lambda call: None,
    manager: str = FIELD_MANAGER,
) -> HttpKubeClient:
    """A client of the cluster that a kubeconfig names, or that we are in.

    ``RATOON_KUBECONFIG`` counts first, then the pod's service account, then ``KUBECONFIG``.
    `observe` is told of every call.

    Raises:
        InputError: None of them exists, or it cannot be read.
    """
    transport = KubernetesTransport(_source(environ, account))
    return HttpKubeClient(ApiClient(transport, retry_policy or RetryPolicy(), observe), manager)


@dataclass
class KubernetesTransport:
    """Sends requests with the address, trust and credentials of a configuration."""

    source: Callable[[], Configuration]
    _configuration: Configuration = field(init=False)
    _pool: urllib3.PoolManager = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Reads address and credentials again, in case a token was rotated."""
        self._configuration = self.source()
        self._pool = RESTClientObject(self._configuration).pool_manager

    def send(self, request: ApiRequest, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """Sends a request; the body is not read yet."""
        headers = {"Accept": "application/json", "User-Agent": "ratoon"}
        try:  # it is read again when it is about to expire
            token = self._configuration.get_api_key_with_prefix("BearerToken")
        except ConfigException as error:
            raise InputError("credentials of the cluster", str(error), ACCEPTED) from None
        if token:
            headers["Authorization"] = token
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        url = self._configuration.host.rstrip("/") + request.path
        return self._pool.request(
            request.method,
            f"{url}?{urlencode(request.query)}" if request.query else url,
            json=request.body,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )


def _source(environ: Mapping[str, str], account: Path) -> Callable[[], Configuration]:
    named = environ.get(KUBECONFIG)
    if named:
        return lambda: _from_file(named, KUBECONFIG)
    if environ.get("KUBERNETES_SERVICE_HOST") and (account / "token").is_file():
        return lambda: _from_pod(environ, account)
    default = environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if any(Path(one).is_file() for one in default.split(os.pathsep)):
        return lambda: _from_file(default, "KUBECONFIG")
    raise InputError("cluster", "no way to reach one", ACCEPTED)


def _from_file(files: str, variable: str) -> Configuration:
    if not any(Path(one).is_file() for one in files.split(os.pathsep)):
        raise InputError(variable, files, "the path of a kubeconfig file")
    configuration = Configuration()
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            files, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, yaml.YAMLError, OSError) as error:
        # The text of a YAML error may hold a line with a token.
        reason = str(error) if isinstance(error, ConfigException) else type(error).__name__
        raise InputError(variable, files, "a kubeconfig file", f"It said: {reason}.") from None
    return configuration


def _from_pod(environ: Mapping[str, str], account: Path) -> Configuration:
    configuration = Configuration()
    loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]
        token_filename=str(account / "token"),
        cert_filename=str(account / "ca.crt"),
        environ=environ,
    )
    try:
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise InputError(str(account), str(error), ACCEPTED) from None
    return configuration
