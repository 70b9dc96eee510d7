"""``git+…``: a folder on a branch of a repository, and the cluster that follows it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.ops.cluster import connection
from components.ops.cluster.protocol import KubeClient
from components.ops.git.address import GitAddress, is_branch_name, parse_address
from components.ops.targets.kserve.record import Mode

_OWN_NAMESPACE = connection.ACCOUNT / "namespace"
_WHERE = "serving.target"
_FORM = "git+https://host/repository@branch#folder"
_OPTIONS = "mode=knative or standard, namespace=<name>, review=branch, each once, joined by &"
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class GitTargetUri:
    """A folder of a repository that holds what one model should serve.

    Attributes:
        address: Repository, branch and folder.
        mode: KServe's deployment mode; None if the cluster decides.
        namespace: Where the cluster serves it; None if the manifests name none.
        review: Whether a person merges every promotion, whatever the spec says.
    """

    address: GitAddress
    mode: Mode | None = None
    namespace: str | None = None
    review: bool = False

    @property
    def where(self) -> str:
        """Its name in errors and sentences, without secrets."""
        return f"git+{self.address.url}@{self.address.at}#{self.address.folder}"


def parse_target_uri(target: str) -> GitTargetUri:
    """Reads ``git+https://host/repository@branch#folder`` and its options.

    Raises:
        InputError: It is malformed, or carries credentials.
    """
    address = parse_address(target, _WHERE, _FORM)
    if not is_branch_name(address.at):
        accepted = "the name of a branch: git+https://host/repository@main#folder"
        raise InputError(_WHERE, target, accepted)
    if not address.folder:
        do = "Name the folder that the cluster follows, one for each model."
        raise InputError(_WHERE, target, _FORM, do)
    given = parse_qsl(address.query, keep_blank_values=True)
    options = dict(given)
    if len(options) != len(given) or not _are_known(options):
        raise InputError(_WHERE, f"?{address.query}", _OPTIONS)
    return GitTargetUri(
        address,
        Mode(options["mode"].capitalize()) if "mode" in options else None,
        options.get("namespace"),
        "review" in options,
    )


def _are_known(options: dict[str, str]) -> bool:
    accepted = {
        "mode": re.compile("knative|standard"),
        "namespace": _NAMESPACE,
        "review": re.compile("branch"),
    }
    return all(name in accepted and accepted[name].fullmatch(v) for name, v in options.items())


@dataclass
class LazyKubeClient:
    """A `KubeClient` that connects on first use.

    What is read from the repository alone needs no cluster.
    """

    target_uri: GitTargetUri
    namespace: str | None
    _client: KubeClient | None = field(default=None, repr=False)

    def __getattr__(self, name: str) -> Any:
        """Returns the method of the connected client.

        Raises:
            InputError: No cluster is configured, or the namespace is unknown.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        if self.namespace is None:
            raise InputError(
                "serving.target",
                self.target_uri.where,
                "a target that says where the cluster serves it: add ?namespace=<its namespace>",
                "In a pod of that namespace it may be left out.",
            )
        if self._client is None:
            self._client = connection.connect()
        return getattr(self._client, name)


def namespace_of(target_uri: GitTargetUri, own: Path = _OWN_NAMESPACE) -> str | None:
    """Returns the namespace where the cluster serves what the repository says.

    Args:
        target_uri: Its ``?namespace=`` takes precedence.
        own: The file with the namespace of the pod that we run in, used otherwise.
    """
    if target_uri.namespace is not None:
        return target_uri.namespace
    try:
        return own.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
