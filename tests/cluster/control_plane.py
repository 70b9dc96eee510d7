"""A real API server on this machine: etcd and kube-apiserver.

Out of ``KUBEBUILDER_ASSETS``, else as ``make test-tools`` has brought them.
"""

import contextlib
import os
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fakes.certificate import make_certificate, make_signing_key
from tests.fakes.kubeconfig import write_kubeconfig

ASSETS = "KUBEBUILDER_ASSETS"
OWN = Path(__file__).resolve().parents[2] / ".tools"
MISSING = (
    f"no etcd and kube-apiserver: {ASSETS} names no folder of them, and `make test-tools` has"
    " brought none"
)
START_S = 60.0


@dataclass(frozen=True)
class ControlPlane:
    """A running API server.

    Attributes:
        url: Its address.
        trust: The certificate that it shows.
        token: Of a member of ``system:masters``.
        kubeconfig: For that member.
    """

    url: str
    trust: Path
    token: str
    kubeconfig: Path


def assets() -> Path | None:
    """The folder with both programs, None if there is none."""
    folder = Path(os.environ.get(ASSETS) or OWN)
    both = all((folder / one).is_file() for one in ("etcd", "kube-apiserver"))
    return folder if both else None


@contextlib.contextmanager
def control_plane(programs: Path, folder: Path) -> Iterator[ControlPlane]:
    """Starts both, with RBAC on, and stops them at the end."""
    with contextlib.ExitStack() as running:
        etcd = running.enter_context(_etcd(programs / "etcd", folder))
        yield running.enter_context(_api_server(programs / "kube-apiserver", folder, etcd))


@contextlib.contextmanager
def _etcd(program: Path, folder: Path) -> Iterator[str]:
    client, peer = (f"http://127.0.0.1:{port}" for port in _free_ports(2))
    command = [program, "--data-dir", folder / "etcd"]
    command += ["--listen-client-urls", client, "--advertise-client-urls", client]
    command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
    command += ["--initial-cluster", f"default={peer}"]
    with _process(command, folder / "etcd.log"):
        yield client


@contextlib.contextmanager
def _api_server(program: Path, folder: Path, etcd: str) -> Iterator[ControlPlane]:
    certificate, key = make_certificate(folder)
    signing = make_signing_key(folder)
    token = secrets.token_urlsafe(24)
    tokens = folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{token},test-admin,test-admin,system:masters\n")
    (port,) = _free_ports(1)
    said = {
        "etcd-servers": etcd,
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": port,
        "tls-cert-file": certificate,
        "tls-private-key-file": key,
        "authorization-mode": "RBAC",
        "token-auth-file": tokens,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": signing,
        "service-account-signing-key-file": signing,
        "service-cluster-ip-range": "10.0.0.0/24",
        # No controller makes the default service account that this plugin waits for.
        "disable-admission-plugins": "ServiceAccount",
    }
    url = f"https://127.0.0.1:{port}"
    command = [program, *(f"--{name}={value}" for name, value in said.items())]
    with _process(command, folder / "kube-apiserver.log") as process:
        _wait_ready(f"{url}/readyz", certificate, token, process, folder / "kube-apiserver.log")
        kubeconfig = write_kubeconfig(folder / "kubeconfig", url, token, trust=certificate)
        yield ControlPlane(url, certificate, token, kubeconfig)


@contextlib.contextmanager
def _process(command: list[object], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen([str(one) for one in command], stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(
    url: str, trust: Path, token: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    ends = time.monotonic() + START_S
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(verify=_trusting(trust), headers=headers) as client:
        while time.monotonic() < ends and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).status_code == 200:
                    return
            time.sleep(0.2)
    raise RuntimeError(f"kube-apiserver is not ready:\n{log.read_text()[-2000:]}")


def _trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_:
        sockets = [open_.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
