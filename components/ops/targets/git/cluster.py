"""The cluster that follows a repository: reached when it is asked for the first time."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core.errors import InputError
from components.ops.cluster import connection
from components.ops.cluster.protocol import KubeClient
from components.ops.targets.git.place import GitPlace

_OWN_NAMESPACE = connection.ACCOUNT / "namespace"


@dataclass
class FollowingCluster:
    """Every call of `KubeClient`, passed on to the one that we are in or that a kubeconfig names.

    What is read from the repository alone needs no cluster, so none is reached before.

    Attributes:
        place: The repository.
        namespace: Where it serves; None: nothing says it.
    """

    place: GitPlace
    namespace: str | None
    _reached: KubeClient | None = field(default=None, repr=False)

    def __getattr__(self, name: str) -> Any:
        """The method of the cluster.

        Raises:
            InputError: No cluster is named, or no namespace.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        if self.namespace is None:
            raise InputError(
                "serving.target",
                self.place.where,
                "a target that says where the cluster serves it: add ?namespace=<its namespace>",
                "In a pod of that namespace it may be left out.",
            )
        if self._reached is None:
            self._reached = connection.connect()
        return getattr(self._reached, name)


def namespace_of(place: GitPlace, own: Path = _OWN_NAMESPACE) -> str | None:
    """Where the cluster serves what the repository says.

    Args:
        place: Its ``?namespace=`` counts first.
        own: The file that names the namespace of the pod that we are in, which counts otherwise.
    """
    if place.namespace is not None:
        return place.namespace
    try:
        return own.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
